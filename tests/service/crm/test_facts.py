from datetime import UTC, datetime

import pytest

from service.crm.facts import Direction, Facts, facts
from tests.service.crm.kit import METADATA, analysis


def read(**metadata):
    return facts(analysis(metadata))


def test_what_the_caller_knows_is_read_by_its_name():
    known = facts(analysis(METADATA))
    assert known == Facts(
        from_number="+14155550100",
        to_number="+14155550199",
        direction=Direction.inbound,
        started_at=datetime(2026, 1, 31, 8, 30, tzinfo=UTC),
        recording_url="https://crm.example.com/recordings/42.wav",
        agent_id="28",
        vendor_call_key="c-42",
    )
    assert known.agent_number == 28


@pytest.mark.parametrize("metadata", [None, {}, {"queue": "billing"}])
def test_nothing_is_known_of_itself(metadata):
    assert facts(analysis(metadata)) == Facts()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from_number", ""),
        ("from_number", ["+14155550100"]),
        ("to_number", "1" * 41),
        ("direction", "INBOUND"),
        ("direction", "sideways"),
        ("started_at", "2026-01-31T08:00:00"),
        ("started_at", "yesterday"),
        ("started_at", 1_769_846_400),
        ("started_at", "0001-01-01T00:00:00+14:00"),
        ("started_at", "9999-12-31T23:59:59Z"),
        ("recording_url", "http://crm.example.com/42.wav"),
        ("recording_url", "https://crm.example.com/a b.wav"),
        ("agent_id", True),
        ("vendor_call_key", "x" * 256),
    ],
)
def test_what_is_of_another_form_is_the_callers_own_and_takes_nothing_else_with_it(name, value):
    known = facts(analysis({**METADATA, name: value}))
    assert known == facts(analysis(METADATA)).model_copy(update={name: None})


@pytest.mark.parametrize(
    ("given", "number"), [("28", 28), (28, 28), ("x28", None), ("٢٨", None), ("9" * 19, None), (-28, None)]
)
def test_the_id_of_an_agent_may_be_a_number(given, number):
    assert read(agent_id=given).agent_number == number
