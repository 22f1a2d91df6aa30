from service.crm.hubspot import call
from tests.service.crm.kit import METADATA, analysis


def properties(**changes):
    return call(analysis(**changes)).model_dump()["properties"]


def test_a_call():
    logged = properties()
    body = logged.pop("hs_call_body")
    assert logged == {
        "hs_timestamp": "2026-01-31T08:30:00.000Z",
        "hs_call_title": "Call call-42",
        "hs_call_duration": "80000",
        "hs_call_status": "COMPLETED",
        "hs_call_direction": "INBOUND",
        "hs_call_from_number": "+14155550100",
        "hs_call_to_number": "+14155550199",
        "hs_call_recording_url": "https://crm.example.com/recordings/42.wav",
        "hubspot_owner_id": "28",
    }
    lines = body.split("<br>")
    assert lines[0] == "Customer, voice: angry 51 %, sad 30 %."
    assert lines[-2:] == ["0:00 Agent: Auto repairs &amp; more.", "1:05 Customer: That is &lt;fine&gt;."]


def test_a_call_whose_time_nobody_tells_is_logged_when_it_was_received():
    assert properties(metadata=None)["hs_timestamp"] == "2026-01-31T09:00:00.000Z"


def test_who_called_is_told_from_where_the_hubspot_user_sits():
    assert properties(metadata={**METADATA, "direction": "outbound"})["hs_call_direction"] == "OUTBOUND"
    assert "hs_call_direction" not in properties(metadata=None)


def test_the_id_of_another_crm_is_no_owner():
    assert "hubspot_owner_id" not in properties(metadata={**METADATA, "agent_id": "005000000000001AAA"})
