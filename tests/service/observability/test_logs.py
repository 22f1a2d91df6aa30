"""What a line of the log holds, and what it does not."""

import contextvars
import json
import logging

import pytest

from service.observability import logs
from service.observability.logs import JsonFormatter, TextFormatter, trail

SECRET = "swordfish"  # noqa: S105 - nobody's


@pytest.fixture(autouse=True)
def _own_context():
    """What a test says that lines are about is forgotten after it."""
    tokens = [(variable, variable.set(None)) for variable in logs.IDS.values()]
    yield
    for variable, token in tokens:
        variable.reset(token)


def record(message, *args, error=None, **fields):
    made = logging.LogRecord(
        "service.x", logging.WARNING, __file__, 1, message, args, error and (type(error), error, None)
    )
    made.created = 1_769_846_400.25
    if fields:
        made.fields = fields
    return made


def fallen():
    """An error with a cause, both of which repeat what they were given."""
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(f"cannot store {SECRET}") from error
    except ValueError as error:
        return error


def test_json_is_an_object_a_line_with_ids_and_fields():
    logs.of_request("req_1")
    logs.of_analysis("an_1")
    line = JsonFormatter().format(record("%s of\n%s", "one", "two", status=200))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-01-31T08:00:00.250+00:00",
        "level": "warning",
        "logger": "service.x",
        "message": "one of\ntwo",
        "request_id": "req_1",
        "analysis_id": "an_1",
        "status": 200,
    }


def test_text_has_the_ids_in_brackets():
    assert TextFormatter().format(record("slow")) == "WARNING:  slow"
    logs.of_request("req_1")
    assert TextFormatter().format(record("slow")) == "WARNING:  slow [req_1]"


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_an_error_is_its_type_and_its_places_without_its_words(formatter):
    line = formatter.format(record("it failed", error=fallen()))
    assert SECRET not in line
    assert "ValueError" in line
    assert "KeyError" in line
    assert "test_logs.py" in line
    assert "fallen" in line


def test_errors_of_a_group_are_told_too():
    told = list(trail(ExceptionGroup(SECRET, [fallen(), OSError(SECRET)])))
    assert {"ExceptionGroup", "ValueError", "KeyError", "OSError"} <= set(told)
    assert SECRET not in " ".join(told)


def test_an_error_that_is_its_own_origin_is_told_once():
    one, other = ValueError(), KeyError()
    one.__context__, other.__context__ = other, one
    assert list(trail(one)) == ["ValueError", "KeyError"]


def test_what_is_begun_from_a_request_is_about_it_and_the_next_one_is_not_about_its_analysis():
    logs.of_request("req_1")
    logs.of_analysis("an_1")
    begun = contextvars.copy_context()
    logs.of_request("req_2")
    assert begun.run(TextFormatter().format, record("x")) == "WARNING:  x [req_1 an_1]"
    assert TextFormatter().format(record("x")) == "WARNING:  x [req_2]"


@pytest.mark.parametrize(("style", "formatter"), [("json", JsonFormatter), ("text", TextFormatter)])
def test_the_setting_chooses(style, formatter, monkeypatch):
    root = logging.RootLogger(logging.NOTSET)
    monkeypatch.setattr(logging, "root", root)
    for own in logs.OWN:
        monkeypatch.setattr(logging.getLogger(own), "level", logging.NOTSET)
    logs.configure("debug", style)
    (handler,) = root.handlers
    assert isinstance(handler.formatter, formatter)
    # Of libraries only warnings: some of them write down statements and what is stored by them.
    assert (root.level, logging.getLogger("service").level) == (logging.WARNING, logging.DEBUG)
