import io
import json
import wave

import pytest

from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS


@pytest.fixture(scope="module")
def silence():
    """One second of digital silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(bytes(16_000))
    return file.getvalue()


def _problem(response, status, kind):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/problems/{kind}"
    assert problem["status"] == status
    assert problem["detail"]
    return problem


def _post(client, file, **fields):
    return client.post("/analyze-audio", files={"file": ("call.wav", file)}, data=fields)


def _distribution(part, labels):
    assert tuple(part["scores"]) == labels
    assert sum(part["scores"].values()) == pytest.approx(1)
    assert part["confidence"] == part["scores"][part["label"]] == max(part["scores"].values())


def test_a_call(client, call):
    response = _post(client, call, channel_roles="customer,agent")
    assert response.status_code == 200
    answer = response.json()
    audio = answer["audio"]
    assert audio["duration_ms"] > 0
    assert (audio["container"], audio["channels"], audio["layout"]) == ("wav", 2, "separate")
    customer, agent = answer["channels"]
    assert (customer["channel"], customer["role"], customer["status"]) == (1, "customer", "analyzed")
    assert customer["reason"] is None
    assert 0 < customer["speech_ms"] <= audio["duration_ms"]
    _distribution(customer["overall"], SPEECH_EMOTIONS)
    assert (agent["channel"], agent["role"], agent["status"]) == (2, "agent", "withheld")
    assert agent["reason"]
    assert agent["overall"] is None
    assert answer["timeline"]
    for segment in answer["timeline"]:
        assert (segment["channel"], segment["role"]) == (1, "customer")
        assert 0 <= segment["start_ms"] < segment["end_ms"] <= audio["duration_ms"]
        speech = segment["source"] == "speech"
        _distribution(segment, SPEECH_EMOTIONS if speech else VOCAL_BURST_EMOTIONS)
    starts = [(segment["start_ms"], segment["channel"]) for segment in answer["timeline"]]
    assert starts == sorted(starts)


def test_the_agent_is_analysed_where_the_deployer_allows_it(client_with, call):
    with client_with(agent_emotions=True) as client:
        answer = _post(client, call, channel_roles="customer,agent").json()
    assert [channel["status"] for channel in answer["channels"]] == ["analyzed", "analyzed"]
    assert {segment["channel"] for segment in answer["timeline"]} == {1, 2}


def test_the_result_names_the_models_and_what_a_label_stands_for(client, call):
    answer = _post(client, call).json()
    listed = {model["name"]: model for model in client.get("/models").json()["models"]}
    facts = ("name", "version", "sha256", "source", "proxy_for")
    assert [{fact: model[fact] for fact in facts} for model in answer["models"]] == [
        {
            "name": name,
            "version": listed[name]["version"],
            "sha256": listed[name]["sha256"],
            "source": source,
            "proxy_for": proxy_for,
        }
        for name, source, proxy_for in [
            ("speech_encoder", "speech", {}),
            ("burst_encoder", "vocal_burst", {"nervousness": "Distress"}),
        ]
    ]


def test_the_callers_own_data_is_echoed(client, call):
    metadata = {"queue": "billing", "größe": [1, None, {"a": True}]}
    answer = _post(client, call, external_id="call-42", metadata=json.dumps(metadata)).json()
    assert (answer["external_id"], answer["metadata"]) == ("call-42", metadata)


@pytest.mark.parametrize("roles", ["agent,customer", " agent , customer ", ["agent", "customer"]])
def test_roles_are_separated_by_commas_or_repeated(client, call, roles):
    answer = _post(client, call, channel_roles=roles).json()
    assert [channel["role"] for channel in answer["channels"]] == ["agent", "customer"]


def test_without_roles_every_channel_is_unknown_and_analysed(client, call):
    answer = _post(client, call).json()
    assert [(channel["role"], channel["status"]) for channel in answer["channels"]] == [
        ("unknown", "analyzed"),
        ("unknown", "analyzed"),
    ]


@pytest.mark.parametrize(
    ("asked", "reason"), [("auto", "No transcription provider is configured."), ("none", "Not asked for.")]
)
def test_nothing_is_transcribed_and_the_answer_says_why(client, call, asked, reason):
    answer = _post(client, call, transcription=asked).json()
    assert answer["transcript"] == {"status": "none", "reason": reason, "provider": None, "words": None}


@pytest.mark.parametrize("provider", ["assemblyai", "local"])
def test_a_provider_that_is_not_configured(client, call, provider):
    problem = _problem(_post(client, call, transcription=provider), 422, "invalid-request")
    assert problem["errors"][0]["field"] == "transcription"
    assert f"{provider} is not configured" in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {"external_id": "call-42"}},
        {"files": {"external_id": (None, "call-42")}},
        {"files": {"file": (None, "no file name")}},
    ],
)
def test_no_file(client, body):
    assert "curl -F file=@call.wav" in _problem(client.post("/analyze-audio", **body), 422, "no-file")["detail"]


def test_an_unknown_field_is_named_with_the_known_ones(client, call):
    problem = _problem(_post(client, call, chanel_roles="agent"), 422, "unknown-field")
    assert problem["errors"][0]["field"] == "chanel_roles"
    for known in ("file", "external_id", "metadata", "channel_roles", "transcription", "model"):
        assert known in problem["detail"]


def test_a_file_in_the_wrong_field(client, call):
    problem = _problem(client.post("/analyze-audio", files={"audio": call}), 422, "unknown-field")
    assert [error["field"] for error in problem["errors"]] == ["audio"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"channel_roles": "customer,boss"}, "channel_roles.1"),
        ({"channel_roles": "Customer,agent"}, "channel_roles.0"),
        ({"channel_roles": ""}, "channel_roles.0"),
        ({"transcription": "magic"}, "transcription"),
        ({"metadata": "queue=billing"}, "metadata"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": '{"a": NaN}'}, "metadata"),
        ({"metadata": json.dumps({"a": "x" * 16_384})}, "metadata"),
        ({"metadata": '{"a":' * 10_000 + "1" + "}" * 10_000}, "metadata"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"external_id": ["one", "two"]}, "external_id"),
        ({"model": "x" * 101}, "model"),
        ({"rules": "call.duration_seconds > 600"}, "rules"),
        ({"rules": '{"tag": "long", "when": "call.duration_seconds > 600"}'}, "rules"),
        ({"rules": '[{"tag": "long", "when": "call.duration > 600"}]'}, "rules.0.when"),
        ({"rules": '[{"tag": "long", "when": "1 > 0"}, {"tag": "Long", "when": "1 > 0"}]'}, "rules.1.tag"),
        ({"rules": '[{"tag": "long", "when": "1 > 0", "then": "escalate"}]'}, "rules.0.then"),
        ({"rules": json.dumps([{"tag": "long", "when": "1 > 0"}] * 51)}, "rules"),
    ],
)
def test_a_wrong_field_is_named(client, call, fields, field):
    problem = _problem(_post(client, call, **fields), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_rule_that_cannot_be_read_is_told_where_it_goes_wrong(client, call):
    rules = [{"tag": "long", "when": "call.duration_seconds >= and"}]
    problem = _problem(_post(client, call, rules=json.dumps(rules)), 422, "invalid-request")
    assert problem["detail"] == ("rules.0.when: at character 26 there is 'and'; expected a measure or a number.")


def test_rules_are_taken_in_a_form_and_in_json(client, call):
    rules = [{"tag": "escalate", "when": "customer.anger_last_quarter > 0.5 and agent.talk_share > 0.7"}]
    assert _post(client, call, rules=json.dumps(rules)).status_code == 200
    link = {"audio_url": "https://10.0.0.5/call.wav", "rules": rules}
    _problem(client.post("/analyze-audio", json=link), 422, "refused-url")
    link["rules"] = [{"tag": "escalate", "when": "customer.anger_last_quarter"}]
    problem = _problem(client.post("/analyze-audio", json=link), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == ["rules.0.when"]


def test_more_or_fewer_roles_than_channels(client, call):
    _problem(_post(client, call, channel_roles="customer"), 422, "wrong-role-count")
    _problem(_post(client, call, channel_roles="customer,agent,agent"), 422, "wrong-role-count")


@pytest.mark.parametrize("model", ["speech_encoders", "text_minilm", "../speech_encoder"])
def test_an_unknown_model(client, call, model):
    assert "speech_encoder" in _problem(_post(client, call, model=model), 404, "unknown-model")["detail"]


def test_an_empty_file(client):
    _problem(_post(client, b""), 400, "empty-file")


@pytest.mark.parametrize("content", [b"This is no audio.", b"\x89PNG\r\n\x1a\n" + bytes(64), bytes(1000)])
def test_not_audio(client, content):
    _problem(_post(client, content), 415, "not-audio")


def test_no_speech(client, silence):
    _problem(_post(client, silence), 422, "no-speech")


def test_too_long(client_with, call):
    with client_with(max_audio_seconds=2) as client:
        assert "2 seconds" in _problem(_post(client, call), 413, "too-long")["detail"]


def test_too_many_channels(client_with, call):
    with client_with(max_channels=1) as client:
        _problem(_post(client, call), 413, "too-many-channels")


@pytest.mark.parametrize("media_type", ["audio/wav", "text/plain", "application/octet-stream"])
def test_a_body_that_is_no_form(client, call, media_type):
    response = client.post("/analyze-audio", content=call, headers={"content-type": media_type})
    assert "multipart/form-data" in _problem(response, 415, "unsupported-media-type")["detail"]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--y\r\n\r\n--y--", "multipart/form-data; boundary=x"),
        (b"anything", "multipart/form-data"),
    ],
)
def test_a_broken_form(client, content, media_type):
    response = client.post("/analyze-audio", content=content, headers={"content-type": media_type})
    assert response.status_code in (400, 422)
    assert response.json()["type"] in ("/problems/bad-request", "/problems/no-file")
