import json

import httpx2
import pytest

from service.dashboard.client import Client, RefusedError, UnreachableError

PROBLEM = {"type": "/problems/busy", "title": "The service has too much to do", "status": 503, "detail": "Come again."}


@pytest.fixture
def asked():
    return []


@pytest.fixture
def client(asked):
    """Makes a client of a service that gives one answer to everything."""

    def made(answer, key=""):
        def service(request):
            asked.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return Client("http://service:8000/", key, httpx2.MockTransport(service))

    return made


def test_the_key_goes_with_every_request(client, asked):
    client(httpx2.Response(200, json={"id": "an_1"}), key="v2v_1").analysis("an_1")
    assert asked[0].headers["authorization"] == "Bearer v2v_1"
    assert str(asked[0].url) == "http://service:8000/analyses/an_1"


def test_without_a_key_none_is_sent(client, asked):
    client(httpx2.Response(200, json={})).analysis("an_1")
    assert "authorization" not in asked[0].headers


def test_a_recording_is_sent_with_what_is_known_of_it_and_not_waited_for(client, asked):
    sent = client(httpx2.Response(202, json={"id": "an_1"}))
    assert sent.analyze_audio("a call.wav", b"RIFF", "customer,agent", None) == "an_1"
    body = asked[0].read()
    assert asked[0].headers["prefer"] == "respond-async"
    assert b'filename="a call.wav"' in body
    assert b"RIFF" in body
    assert b"customer,agent" in body
    assert b"external_id" not in body


def test_a_list_goes_on_at_its_cursor(client, asked):
    listed = client(httpx2.Response(200, json={"analyses": [{"id": "an_1"}], "next": "/analyses?limit=20&cursor=abc"}))
    assert listed.analyses() == ([{"id": "an_1"}], "abc")
    listed.analyses("abc")
    assert dict(asked[1].url.params) == {"cursor": "abc"}


def test_the_last_page_has_no_cursor(client):
    assert client(httpx2.Response(200, json={"analyses": [], "next": None})).analyses() == ([], None)


def test_a_problem_is_told_as_it_is(client):
    refusing = client(httpx2.Response(503, json=PROBLEM, headers={"Retry-After": "10"}))
    with pytest.raises(RefusedError) as caught:
        refusing.retry("an_1")
    error = caught.value
    assert (error.status, error.type, error.detail, error.retry_after) == (503, "busy", "Come again.", "10")


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"[]", b""])
def test_a_proxy_that_refuses_in_its_own_way_is_a_refusal_too(client, body):
    with pytest.raises(RefusedError, match="502"):
        client(httpx2.Response(502, content=body)).analysis("an_1")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx2.ConnectError("refused"), "No service answers at http://service:8000"),
        (httpx2.ReadTimeout("slow"), "takes too long"),
        (httpx2.Response(200, text="<html>"), "is not Voice to Value"),
        (httpx2.Response(200, json=["a list"]), "is not Voice to Value"),
    ],
    ids=["nobody", "slow", "a page", "a list"],
)
def test_who_is_not_there_is_told_from_who_is_somebody_else(client, answer, told):
    with pytest.raises(UnreachableError, match=told):
        client(answer).analysis("an_1")


class TestEvents:
    def test_each_is_handed_on(self, client):
        steps = [{"step": "acoustics"}, {"step": "done"}]
        lines = "".join(f"event: progress\ndata: {json.dumps(step)}\nid: 1\n\n: ping\n\n" for step in steps)
        assert list(client(httpx2.Response(200, text=lines)).events("an_1")) == steps

    def test_of_an_erased_analysis_there_are_none(self, client):
        with pytest.raises(RefusedError):
            list(client(httpx2.Response(410, json=PROBLEM | {"status": 410})).events("an_1"))

    def test_a_broken_connection_is_told(self, client):
        with pytest.raises(UnreachableError):
            list(client(httpx2.ReadError("reset")).events("an_1"))
