"""A small crowd; ``make chaos`` sends a large one, and then more work than can be done."""

from tests.crowd import KINDS, mixed


def test_each_request_of_a_crowd_is_answered_as_it_should_be(tmp_path):
    report = mixed(tmp_path, requests=150, at_once=16)
    assert not report.broken, report
    assert report.figures["requests"] == 150
    assert len(report.figures["outcomes"]) == len(KINDS)
