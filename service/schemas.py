"""What is answered, as it goes over the wire.

Times are milliseconds from the start of the recording, labels are lower case. Scores lie in 0..1 and are
rounded to four decimals by the largest-remainder method, so that they still sum to 1.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from service.analyses.acoustic import ChannelStatus, Layout, Role, Source

Score = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0)]


class Prediction(BaseModel):
    """A distribution over labels and its mode."""

    label: str
    confidence: Score = Field(description="The score of `label`.")
    scores: dict[str, Score] = Field(description="A calibrated probability for each label; they sum to 1.")


class AudioFacts(BaseModel):
    """The recording as it was found in the file."""

    container: str
    codec: str
    sample_rate: int = Field(description="Of the file, in Hz.")
    channels: int
    duration_ms: Milliseconds
    layout: Layout


class Channel(BaseModel):
    """One channel as a whole."""

    channel: int = Field(ge=1)
    role: Role
    status: ChannelStatus
    reason: str | None = Field(description="Why the status is not `analyzed`.")
    speech_ms: Milliseconds
    overall: Prediction | None = Field(description="Mean of the speech segments, weighted by their duration.")


class Stretch(BaseModel):
    start_ms: Milliseconds
    end_ms: Milliseconds
    channel: int = Field(ge=1)
    role: Role
    source: Source = Field(description="`speech`, or `vocal_burst`: voiced but not speech, as a sigh is.")


class Segment(Prediction, Stretch):
    """An emotion over a stretch of one channel."""


class ModelVersion(BaseModel):
    """Which weights gave a result."""

    name: str
    version: str
    sha256: str


class EmotionModelVersion(ModelVersion):
    source: Source = Field(description="The segments that this model labelled.")
    proxy_for: dict[str, str] = Field(
        description="Labels that stand for a category of the training data with another name."
    )


class TranscriptionState(BaseModel):
    status: Literal["none"]
    reason: str


class Echo(BaseModel):
    external_id: str | None = None
    metadata: dict[str, JsonValue] | None = None


class AudioAnalysis(Echo):
    """How each channel of a call sounded, as a whole and over time."""

    audio: AudioFacts
    channels: list[Channel]
    timeline: list[Segment] = Field(description="Sorted by start, then channel.")
    models: list[EmotionModelVersion]
    transcription: TranscriptionState
    notes: list[str] = Field(description="Plain sentences about what was found in the file.")


class Sentence(BaseModel):
    start: int = Field(ge=0, description="Offset of the first character in the text.")
    end: int = Field(ge=0, description="Offset after the last character.")
    text: str
    sentiment: Prediction
    truncated: bool


class TextResult(BaseModel):
    sentiment: Prediction
    truncated: bool = Field(description="Whether the model read only the beginning.")
    sentences: list[Sentence]


class TextAnalysis(Echo):
    """The sentiment of each text and each of its sentences."""

    model: ModelVersion
    results: list[TextResult]


class ModelState(StrEnum):
    loaded = "loaded"
    failed = "failed"


class ModelSummary(BaseModel):
    name: str
    task: str
    status: ModelState
    reason: str | None = Field(description="Why it is not loaded.")
    version: str | None
    sha256: str | None = Field(description="Of the ONNX file; checked before it is loaded.")
    labels: list[str]


class ModelList(BaseModel):
    models: list[ModelSummary]


class ModelCard(ModelVersion):
    """The card of a model: what it was trained on, what that allows, and what it scores."""

    model_config = ConfigDict(extra="allow")


class Status(BaseModel):
    status: str


class FieldError(BaseModel):
    field: str = Field(description="Where in the request, as `texts.0`.")
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="A stable reference; GET it for its meaning.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str
    status: int
    detail: str = Field(description="What is wrong here, and what to do.")
    errors: list[FieldError] | None = Field(default=None, description="The fields that are wrong.")


class ProblemType(BaseModel):
    """What a problem's ``type`` refers to."""

    type: str
    title: str
    status: int
    example: ProblemDocument


class ProblemTypeList(BaseModel):
    problems: list[ProblemType]
