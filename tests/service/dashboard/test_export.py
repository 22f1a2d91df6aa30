import csv
import io
import json
from html.parser import HTMLParser

import pytest

from service.dashboard import export
from tests.service.dashboard.kit import analysis

HOSTILE = '<script>alert(1)</script><img src="https://evil.example/x">'


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.fetched = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data):
        self.text += data


def lines(found):
    return list(csv.DictReader(io.StringIO(export.as_csv(found))))


def test_json_is_what_the_service_answered():
    assert json.loads(export.as_json(analysis())) == analysis()


def test_csv_has_a_line_for_all_that_was_heard_and_said_by_time():
    found = analysis()
    table = lines(found)
    assert [line["kind"] for line in table].count("voice") == len(found["timeline"])
    assert [line["kind"] for line in table].count("words") == len(found["transcript"]["words"]["utterances"])
    starts = [int(line["start_ms"]) for line in table]
    assert starts == sorted(starts)
    said = next(line for line in table if line["kind"] == "words")
    assert said["text"] == found["transcript"]["words"]["utterances"][0]["text"]
    assert said["sentiment"] in ("negative", "neutral", "positive")


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx"])
def test_csv_holds_no_formula(text):
    found = analysis()
    found["transcript"]["words"]["utterances"][0]["text"] = text
    assert next(line for line in lines(found) if line["kind"] == "words")["text"] == f"'{text}"


def test_csv_of_numbers_below_zero_keeps_them_numbers():
    valences = [line["valence"] for line in lines(analysis()) if line["valence"]]
    assert valences
    for valence in valences:
        float(valence)


def test_a_report_tells_what_happened():
    page = Page(export.as_report(analysis(external_id="call 7")))
    assert "call 7" in page.text
    assert "customer" in page.text
    assert "The moments that stand out" in page.text
    assert page.tags.count("rect") == len(analysis()["timeline"])


def test_a_report_runs_and_fetches_nothing_whatever_was_said():
    found = analysis(external_id=HOSTILE)
    found["conversation"]["moments"][0]["text"] = HOSTILE
    found["notes"] = [HOSTILE]
    found["channels"][1]["reason"] = HOSTILE
    page = Page(export.as_report(found))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert page.fetched == []
    assert HOSTILE in page.text


def test_a_report_of_a_call_in_which_nobody_talks():
    found = analysis(conversation=None, timeline=[], tags=None)
    assert "How it went" not in Page(export.as_report(found)).text
