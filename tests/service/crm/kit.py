"""An analysis of which everything is known."""

from datetime import UTC, datetime
from typing import Any, Final

from service.analyses.acoustic import Role, Source
from service.analyses.states import Status, WordsStatus
from service.schemas import Analysis, EmotionModelVersion, Transcript, Words
from service.schemas.conversation import Agreement, Evidence, Tag
from tests.service.rules.kit import AGENT, CUSTOMER, acoustics, conversation, sentiment, utterance, voice, words

METADATA: Final[dict[str, Any]] = {
    "from_number": "+14155550100",
    "to_number": "+14155550199",
    "direction": "inbound",
    "started_at": "2026-01-31T09:30:00+01:00",
    "recording_url": "https://crm.example.com/recordings/42.wav",
    "agent_id": 28,
    "vendor_call_key": "c-42",
    "queue": "billing",
}

SAID: Final = words(
    utterance(AGENT, "Auto repairs & more.", Agreement.text_only, sentiment(), start_ms=0),
    utterance(CUSTOMER, "That is <fine>.", Agreement.masked_negative, sentiment(positive=0.2), start_ms=65_000),
)


def analysis(metadata: dict[str, Any] | None = METADATA, said: Words | None = SAID, **changes: Any) -> Analysis:
    heard = acoustics(CUSTOMER, AGENT, customer=voice(angry=0.51, sad=0.3))
    heard.models = [
        EmotionModelVersion(name="speech_encoder", version="1.0.0", sha256="0" * 64, source=Source.speech, proxy_for={})
    ]
    return Analysis(
        **{
            **dict(heard),
            "id": "an_01kg9h1s000000000000000001",
            "status": Status.completed,
            "created_at": datetime(2026, 1, 31, 9, 0, tzinfo=UTC),
            "completed_at": datetime(2026, 1, 31, 9, 1, tzinfo=UTC),
            "external_id": "call-42",
            "metadata": metadata,
            "transcript": Transcript(
                status=WordsStatus.completed if said else WordsStatus.none, reason=None, provider=None, words=said
            ),
            "conversation": conversation(),
            "tags": [
                Tag(
                    tag="escalate",
                    rule="customer.anger > 0.5",
                    evidence=[Evidence(measure="customer.anger", value=0.51)],
                )
            ],
            "consent": None,
            "problem": None,
            **changes,
        }
    )


def long_winded(text: str) -> Words:
    """A transcript of 3,000 utterances."""
    return words(*[utterance(Role.customer, text, Agreement.text_only, None) for _ in range(3_000)])
