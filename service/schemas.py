"""What goes over the wire.

Times are milliseconds from the start of the recording, labels are lower case. Scores lie in 0..1 and are
rounded to four decimals by the largest-remainder method, so that they still sum to 1.
"""

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from service.analyses.acoustic import ChannelStatus, Layout, Role, Source

METADATA_MAX_BYTES = 16_384


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is no character; send valid Unicode") from None
    return text


def _storable(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise ValueError("metadata holds something that JSON in UTF-8 cannot carry") from None
    if size > METADATA_MAX_BYTES:
        raise ValueError(f"metadata takes {size} bytes as JSON; at most {METADATA_MAX_BYTES} are kept")
    return metadata


Text = Annotated[str, AfterValidator(_utf8)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_storable)]
Score = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0)]

EXTERNAL_ID = Field(default=None, max_length=200, description="Your own id of the call or text; it is echoed.")
METADATA = Field(
    default=None,
    description=f"A JSON object of your own, at most {METADATA_MAX_BYTES:,} bytes; it is echoed.",
)


class Transcription(StrEnum):
    auto = "auto"
    assemblyai = "assemblyai"
    local = "local"
    none = "none"


class RequestModel(BaseModel):
    """A request body. A field that it does not have is an error that names those it has."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _knows_every_field(cls, data: Any) -> Any:
        unknown = [name[:80] for name in data if name not in cls.model_fields] if isinstance(data, dict) else []
        if unknown:
            raise PydanticCustomError(
                "unknown_field",
                "there is no such field; the fields are {fields}",
                {"unknown": unknown, "fields": ", ".join(cls.model_fields)},
            )
        return data


class AudioOptions(RequestModel):
    """What a caller can ask of an audio analysis, beside the file."""

    external_id: Text | None = EXTERNAL_ID
    metadata: Metadata | None = METADATA
    channel_roles: list[Role] | None = Field(
        default=None,
        min_length=1,
        fail_fast=True,
        description="Who speaks on each channel, from channel 1: `customer`, `agent` or `unknown`. "
        "Separated by commas, or the field repeated. Without it every channel is `unknown`.",
    )
    transcription: Transcription = Field(
        default=Transcription.auto,
        description="`auto` takes what is configured; this version transcribes nothing and says so.",
    )
    model: Text = Field(
        default="speech_emotion",
        max_length=100,
        description="The speech emotion model, one of `GET /models`.",
    )


class TextRequest(RequestModel):
    """One text or a batch."""

    text: Text | None = Field(default=None, description="One text. Give either this or `texts`.")
    texts: list[Text] | None = Field(
        default=None, min_length=1, fail_fast=True, description="A batch of texts, answered in its order."
    )
    external_id: Text | None = EXTERNAL_ID
    metadata: Metadata | None = METADATA

    @model_validator(mode="after")
    def _one_of_both(self) -> "TextRequest":
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either text (a string) or texts (a list of strings)")
        return self

    @property
    def batch(self) -> list[str]:
        return [self.text] if self.text is not None else self.texts or []


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
    status: Transcription
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
