import anyio
import pytest
from fastapi.testclient import TestClient

from service.api.problems import kinds
from service.app import create_app


def test_nothing_there(client):
    response = client.get("/analyse-audio")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "/problems/not-found",
        "title": "There is nothing here",
        "status": 404,
        "detail": "There is nothing at /analyse-audio; GET /docs shows what there is.",
    }


def test_a_method_that_is_not_allowed_names_the_one_that_is(client):
    response = client.get("/analyze-audio")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/method-not-allowed"
    assert "use POST" in response.json()["detail"]


def test_an_error_of_our_own_tells_nothing_of_the_inside(settings):
    app = create_app(settings)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the password is swordfish")

    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/broken")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/internal-error"
    assert "swordfish" not in response.text
    assert "RuntimeError" not in response.text


def test_every_type_is_explained_where_it_points(client):
    listed = client.get("/problems").json()["problems"]
    assert {problem["type"] for problem in listed} == {f"/problems/{kind.type}" for kind in kinds()}
    for problem in listed:
        assert client.get(problem["type"]).json() == problem
        assert problem["example"]["type"] == problem["type"]
        assert problem["example"]["title"] == problem["title"]
        assert problem["example"]["status"] == problem["status"]


def test_types_are_unique():
    types = [kind.type for kind in kinds()]
    assert len(types) == len(set(types))


def test_an_unknown_type(client):
    response = client.get("/problems/no-coffee")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize("path", ["/analyze-audio", "/analyze-text"])
def test_a_caller_that_hangs_up_is_no_error_of_ours(client, path):
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x"), (b"content-length", b"1000")],
    }
    messages = iter([{"type": "http.request", "body": b"--x\r\n", "more_body": True}, {"type": "http.disconnect"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    anyio.run(client.app, scope, receive, send)
    assert sent[0]["status"] == 400


def test_a_method_that_is_not_allowed_is_told_all_that_are(client):
    response = client.options("/analyses")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET"
