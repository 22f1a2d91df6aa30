"""The whole way over HTTP with real telephone calls."""

import pytest


def _analyze(client, path, **fields):
    response = client.post("/analyze-audio", files={"file": (path.name, path.read_bytes())}, data=fields)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_customer_is_analysed_and_the_agent_withheld(client, shared):
    answer = _analyze(client, shared / "data" / "calls" / "auto_repairs_stereo.wav", channel_roles="customer,agent")
    customer, agent = answer["channels"]
    assert (customer["status"], agent["status"]) == ("analyzed", "withheld")
    assert "AI Act" in agent["reason"]
    assert agent["speech_ms"] > 0
    assert agent["overall"] is None
    assert len(answer["timeline"]) > 10
    assert {segment["channel"] for segment in answer["timeline"]} == {1}


def test_both_are_analysed_where_the_deployer_allows_it(client_with, shared):
    with client_with(agent_emotions=True) as client:
        answer = _analyze(client, shared / "data" / "calls" / "auto_repairs_stereo.wav", channel_roles="customer,agent")
    assert [channel["status"] for channel in answer["channels"]] == ["analyzed", "analyzed"]
    assert {segment["channel"] for segment in answer["timeline"]} == {1, 2}


@pytest.mark.parametrize("name", ["auto_loan_mono_u8.wav", "commercial_mono.wav"])
def test_one_mixed_channel_is_said_to_be_one(client, shared, name):
    answer = _analyze(client, shared / "data" / "calls" / name)
    assert answer["audio"]["layout"] == "mixed"
    assert "one mixed channel" in answer["notes"][0]
    assert [channel["status"] for channel in answer["channels"]] == ["analyzed"]
    assert answer["timeline"]


def test_a_short_stereo_call(client, shared):
    answer = _analyze(client, shared / "data" / "calls" / "short_stereo.wav", channel_roles="agent,customer")
    assert [channel["role"] for channel in answer["channels"]] == ["agent", "customer"]
    assert answer["channels"][0]["status"] == "withheld"
