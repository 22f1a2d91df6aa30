"""A call whose every number is known."""

from typing import Any

from service.analyses.acoustic import ChannelStatus, Layout, Role
from service.emotions import SENTIMENTS, SPEECH_EMOTIONS
from service.schemas import Acoustics, AudioFacts, Channel, Prediction, Span, Utterance, Words
from service.schemas.conversation import (
    Agreement,
    Change,
    Comparison,
    Conversation,
    Dynamics,
    Interruption,
    Interruptions,
    Moment,
    MomentKind,
    NonTalkTime,
    Overlap,
    Overlaps,
    Participant,
    ParticipantDynamics,
    Quarter,
    Trend,
)

CUSTOMER, AGENT = Role.customer, Role.agent


def voice(**scores: float) -> Prediction:
    return _prediction(SPEECH_EMOTIONS, scores)


def sentiment(**scores: float) -> Prediction:
    return _prediction(SENTIMENTS, scores)


def _prediction(labels: tuple[str, ...], scores: dict[str, float]) -> Prediction:
    rest = next(label for label in labels if label not in scores)
    whole = dict.fromkeys(labels, 0.0) | {rest: round(1 - sum(scores.values()), 4)} | scores
    label = max(whole, key=whole.__getitem__)
    return Prediction(label=label, confidence=whole[label], scores=whole)


def acoustics(*roles: Role, **overall: Prediction) -> Acoustics:
    """A channel for each role; ``customer=voice(...)`` is how the customer's sounds, others are withheld."""
    return Acoustics(
        audio=AudioFacts(
            container="wav",
            codec="pcm_s16le",
            sample_rate=8000,
            channels=len(roles),
            duration_ms=80_000,
            layout=Layout.separate,
        ),
        channels=[
            Channel(
                channel=number,
                role=role,
                status=ChannelStatus.analyzed if role in overall else ChannelStatus.withheld,
                reason=None,
                speech_ms=20_000,
                overall=overall.get(role),
            )
            for number, role in enumerate(roles, start=1)
        ],
        timeline=[],
        models=[],
        notes=[],
    )


def utterance(role: Role, text: str, agreement: Agreement, read: Prediction | None, **changes: Any) -> Utterance:
    one_sided = agreement in (Agreement.text_only, Agreement.voice_only)
    return Utterance(
        **{
            "start_ms": 0,
            "end_ms": 1_000,
            "channel": 1 if role is CUSTOMER else 2,
            "role": role,
            "speaker": None,
            "text": text,
            "confidence": 0.9,
            "words": [],
            "sentiment": read,
            "emotion": None,
            "voice": None,
            "comparison": Comparison(
                agreement=agreement,
                voice_valence=None,
                text_valence=None,
                distance=None if one_sided else 0.5,
                valence=0,
            ),
            **changes,
        }
    )


def words(*utterances: Utterance) -> Words:
    return Words(
        model="universal-3-pro", language="en", text="", sentiment=None, text_models=[], utterances=list(utterances)
    )


def quarter(heard: Prediction | None = None, read: Prediction | None = None) -> Quarter:
    return Quarter(start_ms=0, end_ms=20_000, voice=heard, voice_valence=None, sentiment=read, text_valence=None)


def conversation(**changes: Any) -> Conversation:
    """The customer on channel 1 grows angry; the agent on channel 2, whose voice is withheld, talks a lot."""
    customer = Participant(channel=1, role=CUSTOMER, speaker=None)
    agent = Participant(channel=2, role=AGENT, speaker=None)
    return Conversation(
        **{
            "participants": [customer, agent],
            "dynamics": Dynamics(
                total_conversation_ms=78_000,
                talk_ms=60_000,
                non_talk_time=NonTalkTime(
                    total_ms=9_000,
                    instances=[Span(start_ms=10_000, end_ms=15_500), Span(start_ms=40_000, end_ms=43_500)],
                ),
                overlaps=Overlaps(total_ms=1_500, instances=[Overlap(start_ms=20_000, end_ms=21_500)]),
                interruptions=Interruptions(
                    total_count=1, total_ms=1_500, instances=[Interruption(start_ms=20_000, end_ms=21_500, by=1)]
                ),
                participants=[
                    ParticipantDynamics(
                        **dict(customer),
                        talk_ms=15_000,
                        talk_share=0.25,
                        turns=4,
                        longest_monologue=Span(start_ms=1_000, end_ms=7_250),
                        response_latency_ms=450,
                        interruptions=0,
                        words_per_minute=120.5,
                        loudness_dbfs=None,
                    ),
                    ParticipantDynamics(
                        **dict(agent),
                        talk_ms=45_000,
                        talk_share=0.75,
                        turns=5,
                        longest_monologue=Span(start_ms=50_000, end_ms=70_000),
                        response_latency_ms=None,
                        interruptions=1,
                        words_per_minute=None,
                        loudness_dbfs=None,
                    ),
                ],
            ),
            "trends": [
                Trend(
                    **dict(customer),
                    quarters=[
                        quarter(voice(angry=0.1, happy=0.3), sentiment(positive=0.6, negative=0.1)),
                        quarter(),
                        quarter(),
                        quarter(voice(angry=0.6, sad=0.2), sentiment(positive=0.1, negative=0.8)),
                    ],
                    change=Change(voice_valence=-1.0, text_valence=-1.2),
                ),
                Trend(
                    **dict(agent),
                    quarters=[quarter(), quarter(), quarter(), quarter(None, sentiment(positive=0.2, negative=0.2))],
                    change=Change(voice_valence=None, text_valence=None),
                ),
            ],
            "moments": [
                Moment(
                    start_ms=65_000,
                    end_ms=68_000,
                    kind=MomentKind.negative_voice,
                    participant=0,
                    value=-0.81,
                    text="That is fine.",
                )
            ],
            "voice_valence": -0.4,
            "text_valence": -0.2,
            "valence": -0.27,
            **changes,
        }
    )
