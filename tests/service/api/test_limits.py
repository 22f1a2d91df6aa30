import pytest


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
