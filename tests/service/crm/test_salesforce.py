from service.crm.salesforce import voice_call
from tests.service.crm.kit import METADATA, analysis

USER = "005000000000001AAA"


def record(metadata=None):
    return voice_call(analysis(metadata)).model_dump()


def test_a_voice_call():
    logged = record({**METADATA, "agent_id": USER})
    description = logged.pop("Description").splitlines()
    assert logged == {
        "CallStartDateTime": "2026-01-31T08:30:00.000Z",
        "CallEndDateTime": "2026-01-31T08:31:20.000Z",
        "CallDurationInSeconds": 80,
        "CallType": "Inbound",
        "FromPhoneNumber": "+14155550100",
        "ToPhoneNumber": "+14155550199",
        "UserId": USER,
        "VendorCallKey": "c-42",
    }
    assert description[:2] == ["Call call-42.", "Customer, voice: angry 51 %, sad 30 %."]
    assert description[-1] == "1:05 Customer: That is <fine>."


def test_what_telephony_has_to_tell_is_left_out_where_it_is_not_told():
    assert set(record()) == {"CallDurationInSeconds", "Description"}


def test_only_the_id_of_a_user_is_one():
    assert record({"agent_id": USER[:15]})["UserId"] == USER[:15]
    for other in ("28", "003000000000001AAA", USER[:16]):
        assert "UserId" not in record({"agent_id": other})
