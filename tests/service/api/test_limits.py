import anyio
import httpx2
import pytest

JSON = {"content-type": "application/json"}


def _too_large(response, limit):
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/too-large"
    assert str(limit) in response.json()["detail"]


@pytest.fixture(scope="module")
def small(client_with):
    with client_with(max_upload_bytes=10_000, max_json_bytes=1_000) as client:
        yield client


def test_an_announced_length_is_refused_before_the_body_is_read(small):
    def body():
        raise AssertionError("the body was read")
        yield b""

    _too_large(
        small.post("/analyze-audio", content=body(), headers={"content-length": "10001"}),
        10_000,
    )


def test_a_body_without_a_length_is_refused_where_it_passes_the_limit(small):
    sent = 0

    def body():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="call.wav"\r\n\r\n'
        while sent < 1_000_000:
            sent += 1_000
            yield bytes(1_000)

    _too_large(
        small.post("/analyze-audio", content=body(), headers={"content-type": "multipart/form-data; boundary=x"}),
        10_000,
    )


def test_a_large_json_body(small):
    _too_large(small.post("/analyze-text", json={"text": "x" * 1_000}), 1_000)


@pytest.mark.parametrize("length", ["-5", "many", "1_0", ""])
def test_a_length_that_is_no_number_bounds_nothing_and_breaks_nothing(small, length):
    response = small.post("/analyze-text", content=bytes(2_000), headers={"content-length": length})
    _too_large(response, 1_000)


def test_what_fits_exactly_is_taken(small):
    body = b'{"text": "' + b"x" * 988 + b'"}'
    assert len(body) == 1_000
    headers = {"content-type": "application/json"}
    assert small.post("/analyze-text", content=body, headers=headers).status_code == 200


def test_a_body_that_takes_too_long_is_not_waited_for(client_with):
    """The rest of it is not received either: the connection is to be closed."""

    async def trickle(app):
        never = anyio.Event()

        async def body():
            yield b'{"text": '
            await never.wait()

        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
            return [
                await client.post(path, content=body(), headers=JSON) for path in ("/analyze-text", "/analyze-audio")
            ]

    with client_with(body_seconds=0.05) as client:
        for response in client.portal.call(trickle, client.app):
            assert response.status_code == 408
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["connection"] == "close"
            assert response.json()["type"] == "/problems/too-slow"


@pytest.mark.parametrize("depth", [50, 300, 5_000, 100_000])
def test_json_may_be_nested_as_deep_as_it_likes_and_breaks_nothing(client, call, depth):
    nested = "[" * depth + "]" * depth
    metadata = '{"a": ' + nested + "}"
    bodies = [f'{{"text": "Fine.", "metadata": {metadata}}}', f'{{"text": {nested}}}', nested]
    answers = [client.post("/analyze-text", content=body, headers=JSON) for body in bodies]
    link = f'{{"audio_url": "https://crm.example.com/call.wav", "metadata": {metadata}}}'
    later = {"prefer": "respond-async"}
    answers.append(client.post("/analyze-audio", content=link, headers={**JSON, **later}))
    form = {"files": {"file": call[:100_000]}, "data": {"metadata": metadata}}
    answers.append(client.post("/analyze-audio", **form, headers=later))
    for answer in answers[::2] + answers[-1:]:
        if answer.status_code == 202:
            location = answer.headers["location"]
            assert client.get(location).status_code == client.get("/analyses").status_code == 200
    expected = {200, 202} if depth == 50 else set()
    assert {answer.status_code for answer in answers} <= expected | {400, 422}
