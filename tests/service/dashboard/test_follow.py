import httpx2
import pytest

from service.dashboard.client import Client
from service.dashboard.follow import Follower, has_ended
from tests.service.dashboard.kit import analysis


def following(*answers):
    """A follower that has come to its end, of a service that gives these answers to its requests for events."""
    left = iter(answers)

    def client():
        return Client("http://service", transport=httpx2.MockTransport(lambda _: next(left)))

    follower = Follower(client, "an_1")
    follower.join(30)
    return follower


def event(**progress):
    return f'data: {{"status": "{progress["status"]}", "transcript": "{progress["transcript"]}"}}\n\n'


UNDER_WAY = event(status="processing", transcript="pending")
ENDED = event(status="completed", transcript="none")


def test_it_ends_with_the_analysis():
    follower = following(httpx2.Response(200, text=UNDER_WAY + ENDED))
    assert follower.over
    assert follower.progress == {"status": "completed", "transcript": "none"}


def test_it_goes_on_where_a_connection_ends_early():
    assert following(httpx2.Response(200, text=UNDER_WAY), httpx2.Response(200, text=ENDED)).over


def test_what_is_refused_is_over():
    follower = following(httpx2.Response(410, json={"status": 410}))
    assert follower.over
    assert follower.progress is None


@pytest.mark.parametrize(
    ("status", "words", "ended"),
    [
        ("queued", "none", False),
        ("processing", "pending", False),
        ("completed", "pending", False),
        ("completed", "completed", True),
        ("completed", "unavailable", True),
        ("failed", "none", True),
    ],
)
def test_the_end_is_told_alike_of_progress_and_of_an_analysis(status, words, ended):
    assert has_ended({"status": status, "transcript": words}) is ended
    assert has_ended(analysis(status=status, transcript={"status": words})) is ended
