"""How a call went: who spoke when, where voice and words part, how it changed, and what rules say of it.

Measures have the names that Amazon Transcribe Call Analytics gives them, where it has them.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from service.analyses.acoustic import Role
from service.schemas.common import Milliseconds, Prediction, Score, Span

Valence = Annotated[float, Field(ge=-1, le=1)]
"""From wholly unpleasant to wholly pleasant."""


class Participant(BaseModel):
    """One side of the conversation."""

    channel: int | None = Field(ge=1, description="Where the channels hold one speaker each.")
    role: Role
    speaker: str | None = Field(description="The provider's label, where it told the voices of one channel apart.")


class Agreement(StrEnum):
    """What voice and words of one utterance say of each other."""

    aligned = "aligned"
    masked_negative = "masked_negative"
    possible_sarcasm = "possible_sarcasm"
    voice_only = "voice_only"
    text_only = "text_only"


class Comparison(BaseModel):
    """Voice and words of one utterance on one axis."""

    agreement: Agreement = Field(
        description="By valence. `possible_sarcasm`: one is at least 0.5, the other at most -0.5. `masked_negative`: "
        "the voice is at most -0.5, and the words are between -0.25 and 0.5. `voice_only`, `text_only`: the other is "
        "not known. Else `aligned`."
    )
    voice_valence: Valence | None = Field(description="P(happy) less P(sad, angry, fearful or disgust).")
    text_valence: Valence | None = Field(description="P(positive) less P(negative).")
    distance: float | None = Field(ge=0, le=2, description="Between the two.")
    valence: Valence = Field(
        description="Both together: a third of the voice's and two thirds of the words'; the one that is known where "
        "the other is not."
    )


class NonTalkTime(BaseModel):
    """Silences of three seconds and more, of all at once, between the first word and the last."""

    total_ms: Milliseconds
    instances: list[Span]


class Overlap(Span):
    """Two or more speak."""


class Overlaps(BaseModel):
    total_ms: Milliseconds
    instances: list[Overlap]


class Interruption(Span):
    """One begins while another speaks, at least half a second before that one stops, and goes on for at least a second
    after."""

    by: int = Field(ge=0, description="Who, as a position in `participants`.")


class Interruptions(BaseModel):
    total_count: int
    total_ms: Milliseconds
    instances: list[Interruption]


class ParticipantDynamics(Participant):
    """How one side took part."""

    talk_ms: Milliseconds
    talk_share: Score = Field(description="Of the talk of all sides.")
    turns: int | None = Field(
        description="One ends where another participant takes the floor, or with a silence of three seconds. Who "
        "speaks while another talks on does not take the floor."
    )
    longest_monologue: Span | None = Field(description="The longest turn.")
    response_latency_ms: Milliseconds | None = Field(
        description="Median of the pauses between the end of another's turn and the beginning of an answer; none is 0."
    )
    interruptions: int | None
    words_per_minute: float | None = Field(description="Of its own talk; missing without a transcript.")


class Dynamics(BaseModel):
    """Who spoke when, from voice activity; where voices share a channel, from a transcript that tells them apart."""

    total_conversation_ms: Milliseconds = Field(description="From the first word to the last.")
    talk_ms: Milliseconds = Field(description="In which anybody speaks.")
    non_talk_time: NonTalkTime
    overlaps: Overlaps | None = Field(description="Missing where the voices are not told apart, as is what follows.")
    interruptions: Interruptions | None
    participants: list[ParticipantDynamics]


class Quarter(Span):
    """A quarter of the recording, as one side went through it."""

    voice: Prediction | None = Field(
        description="Mean of the segments of speech, as in an utterance, weighted by time."
    )
    voice_valence: Valence | None
    sentiment: Prediction | None = Field(
        description="Mean of the utterances whose middle lies in it, weighted by length."
    )
    text_valence: Valence | None


class Change(BaseModel):
    """From the first quarter that is known to the last; missing where fewer than two are."""

    voice_valence: float | None = Field(ge=-2, le=2)
    text_valence: float | None = Field(ge=-2, le=2)


class Trend(Participant):
    quarters: list[Quarter]
    change: Change


class MomentKind(StrEnum):
    """Why a moment stands out."""

    negative_voice = "negative_voice"
    negative_words = "negative_words"
    disagreement = "disagreement"


class Moment(Span):
    """Where a supervisor would jump to: a valence of at most -0.5, or voice and words that part."""

    kind: MomentKind
    participant: int = Field(ge=0, description="Whose, as a position in `participants`.")
    value: float = Field(description="The valence, or the distance between voice and words.")
    text: str | None = Field(description="What was said, where it is known.")


class Conversation(BaseModel):
    """How a call went."""

    participants: list[Participant] = Field(description="What `by` and `participant` count in.")
    dynamics: Dynamics
    trends: list[Trend] = Field(description="A side each, as `participants`.")
    moments: list[Moment] = Field(description="The most striking first, at most three of a kind.")
    voice_valence: Valence | None = Field(description="Of the call, the customer's where it is known who that is.")
    text_valence: Valence | None
    valence: Valence | None = Field(description="Both together.")


class Evidence(BaseModel):
    """A measure that a rule looked at, and what it was."""

    measure: str
    value: float


class Tag(BaseModel):
    """What a rule says of the call."""

    tag: str
    rule: str = Field(description="Its condition.")
    evidence: list[Evidence]
