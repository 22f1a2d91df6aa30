import pytest

from service.crm.zendesk import ticket
from service.schemas.conversation import Tag
from tests.service.crm.kit import METADATA, analysis

SAID = "0:00 Agent: Auto repairs & more.\n1:05 Customer: That is <fine>."


def sent(metadata=METADATA, **changes):
    return ticket(analysis(metadata, **changes)).model_dump()["ticket"]


def test_a_ticket_with_a_recording():
    new = sent()
    body = new["comment"].pop("body")
    assert body.startswith("Customer, voice: angry 51 %, sad 30 %.")
    assert SAID not in body
    assert new == {
        "via_id": 45,
        "subject": "Call call-42",
        "external_id": "call-42",
        "tags": ["escalate"],
        "comment": {"public": False},
        "voice_comment": {
            "from": "+14155550100",
            "to": "+14155550199",
            "recording_url": "https://crm.example.com/recordings/42.wav",
            "started_at": "2026-01-31T08:30:00.000Z",
            "call_duration": 80,
            "answered_by_id": 28,
            "transcription_text": SAID,
        },
    }


@pytest.mark.parametrize("missing", ["from_number", "to_number", "started_at", "recording_url"])
def test_without_what_a_voice_comment_needs_the_transcript_is_in_the_note(missing):
    new = sent({name: value for name, value in METADATA.items() if name != missing})
    assert "voice_comment" not in new
    assert new["comment"]["body"].endswith(f"\n\n{SAID}")


def test_a_call_to_a_customer():
    assert sent({"direction": "outbound"})["via_id"] == 46
    assert "via_id" not in sent(None)


def test_what_was_found_is_never_mailed_to_the_customer():
    assert sent(None)["comment"]["public"] is False


def test_a_tag_is_sent_once():
    twice = [Tag(tag=tag, rule="1 > 0", evidence=[]) for tag in ("long", "escalate", "long")]
    assert sent(tags=twice)["tags"] == ["escalate", "long"]
    assert "tags" not in sent(tags=[])
