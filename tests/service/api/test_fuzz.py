"""Whatever is posted, the answer is the documented success or a problem document, never an error of ours.

The client raises what the application did not foresee, so that a 500 fails the test with its traceback.
"""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIELDS = ["external_id", "metadata", "channel_roles", "transcription", "model"]
AUDIO_FIELDS = [*FIELDS, "file", "audio_url", "callback_url", "language"]
TEXT_FIELDS = [*FIELDS, "text", "texts"]

fuzzed = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


def _is_answered(response):
    if response.status_code in (200, 202):
        assert response.headers["content-type"] == "application/json"
        response.json()
    else:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == response.status_code < 500
        assert problem["type"].startswith("/problems/")
        assert problem["detail"]


@fuzzed
@given(st.dictionaries(st.sampled_from(TEXT_FIELDS) | st.text(), anything, max_size=4))
def test_any_json_object(client, body):
    content = json.dumps(body)
    _is_answered(client.post("/analyze-text", content=content, headers={"content-type": "application/json"}))


@fuzzed
@given(
    st.dictionaries(st.sampled_from(AUDIO_FIELDS) | st.text(), anything, max_size=4),
    anything | st.text().map("https://".__add__),
)
def test_any_link(client, body, audio_url):
    content = json.dumps({**body, "audio_url": audio_url})
    headers = {"content-type": "application/json", "prefer": "respond-async"}
    _is_answered(client.post("/analyze-audio", content=content, headers=headers))


@fuzzed
@given(
    st.dictionaries(
        st.sampled_from(["status", "external_id", "created_from", "created_to", "limit", "cursor"]),
        st.text(st.characters(codec="utf-8")) | st.integers() | st.datetimes(timezones=st.timezones()),
    )
)
def test_any_list(client, query):
    _is_answered(client.get("/analyses", params={name: str(value) for name, value in query.items()}))


segment = st.text(st.characters(codec="utf-8")).filter(lambda text: "/" not in text and text.strip("."))


@fuzzed
@given(segment, st.sampled_from(["", "/callbacks", "/events", "/retry"]))
def test_any_analysis(client, analysis_id, path):
    response = client.request("POST" if path == "/retry" else "GET", f"/analyses/{quote(analysis_id, safe='')}{path}")
    assert response.status_code == 404
    _is_answered(response)


@fuzzed
@given(st.text(), anything)
def test_any_metadata_with_a_good_text(client, text, metadata):
    body = json.dumps({"text": f"Fine. {text}", "metadata": {"of": metadata}})
    _is_answered(client.post("/analyze-text", content=body, headers={"content-type": "application/json"}))


@fuzzed
@given(st.binary(max_size=200), st.sampled_from(["application/json", "multipart/form-data; boundary=x", "x", ""]))
@pytest.mark.parametrize("path", ["/analyze-text", "/analyze-audio"])
def test_any_bytes(client, path, content, media_type):
    _is_answered(client.post(path, content=content, headers={"content-type": media_type}))


part = st.tuples(
    st.sampled_from(AUDIO_FIELDS) | st.text(st.characters(codec="utf-8"), max_size=8),
    st.none() | st.text(st.characters(codec="utf-8"), max_size=8),
    st.binary(max_size=64) | st.sampled_from([b"customer,agent", b"none", b"speech_emotion", b"{}", b"RIFF"]),
)


@fuzzed
@given(st.lists(part, max_size=6))
def test_any_form(client, parts):
    _is_answered(client.post("/analyze-audio", files=[(name, (filename, value)) for name, filename, value in parts]))


@settings(fuzzed, max_examples=50)  # each is stored and analysed
@given(st.data())
def test_a_damaged_recording(client, sample_call, data):
    call = sample_call.read_bytes()[:40_000]
    start = data.draw(st.integers(0, 64))
    damage = data.draw(st.binary(max_size=16))
    length = data.draw(st.integers(0, len(call)))
    damaged = (call[:start] + damage + call[start + len(damage) :])[:length]
    _is_answered(client.post("/analyze-audio", files={"file": damaged}))
