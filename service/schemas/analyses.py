"""An analysis of a recording, and what the caller was told of it."""

from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from service.analyses.states import CallbackStatus, ErasureReason, Event, Status, Step, WordsStatus
from service.schemas.acoustics import AudioFacts, Channel, EmotionModelVersion, Segment
from service.schemas.common import Consent, Milliseconds
from service.schemas.conversation import Conversation, Tag
from service.schemas.problems import ProblemDocument
from service.schemas.words import Transcript


class Summary(BaseModel):
    """An analysis without what it found."""

    id: str
    status: Status = Field(
        description="`completed`: all that can be had now is here; see `transcript.status` for the words."
    )
    created_at: datetime
    completed_at: datetime | None = Field(description="When it was completed or failed, last.")
    external_id: str | None
    metadata: dict[str, JsonValue] | None


class Analysis(Summary):
    """One analysis of one recording. What is still to come is `null`."""

    consent: Consent | None = Field(description="As the request had it.")
    audio: AudioFacts | None
    channels: list[Channel] | None
    timeline: list[Segment] | None = Field(description="Sorted by start, then channel.")
    models: list[EmotionModelVersion] | None
    notes: list[str] | None = Field(description="Plain sentences about what was found in the file.")
    transcript: Transcript
    conversation: Conversation | None
    tags: list[Tag] | None = Field(description="What the rules say, the deployer's and the request's.")
    problem: ProblemDocument | None = Field(description="Why it failed.")


class AnalysisList(BaseModel):
    """Newest first."""

    analyses: list[Summary]
    next: str | None = Field(description="Where the list goes on.", json_schema_extra={"format": "uri-reference"})


class Progress(Summary):
    """How far an analysis has come."""

    step: Step = Field(description="The step that is next or under way.")
    transcript: WordsStatus


class DeliveryAttempt(BaseModel):
    """One try to deliver a callback."""

    at: datetime
    status: int | None = Field(description="The HTTP status of the answer; missing where there was none.")
    error: str | None
    duration_ms: Milliseconds


class CallbackData(Summary):
    """The analysis, without what was found in it."""

    transcript: WordsStatus
    reason: str | None = Field(description="Why the transcript is what it is.")
    problem: ProblemDocument | None = Field(description="Why the analysis failed.")
    url: str = Field(description="Where to read it.", json_schema_extra={"format": "uri-reference"})


class CallbackMessage(BaseModel):
    """What a callback carries."""

    type: Event
    timestamp: datetime
    data: CallbackData


class CallbackState(BaseModel):
    """One callback and what became of it."""

    id: str = Field(description="The `webhook-id`: the same for every delivery.")
    type: Event
    created_at: datetime
    status: CallbackStatus
    next_attempt_at: datetime | None
    attempts: list[DeliveryAttempt]


class CallbackList(BaseModel):
    callbacks: list[CallbackState]


class ErasureReceipt(BaseModel):
    """That an analysis was erased."""

    id: str
    erased_at: datetime
    reason: ErasureReason
    provider: str | None = Field(description="Who had transcribed it.")
    provider_erased_at: datetime | None = Field(description="When the provider had deleted its copy.")


class ErasureList(BaseModel):
    """The newest first."""

    receipts: list[ErasureReceipt]
