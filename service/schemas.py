"""What is answered, as it goes over the wire.

Times are milliseconds from the start of the recording, labels are lower case. Scores lie in 0..1 and are
rounded to four decimals by the largest-remainder method, so that they still sum to 1.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from service.analyses.acoustic import ChannelStatus, Layout, Role, Source
from service.analyses.states import CallbackStatus, ErasureReason, Event, Status, Step, WordsStatus

Score = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0)]


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
    instance: str | None = Field(default=None, description="The analysis that met it.")
    errors: list[FieldError] | None = Field(default=None, description="The fields that are wrong.")


class Prediction(BaseModel):
    """A distribution over labels and its mode."""

    label: str
    confidence: Score = Field(description="The score of `label`.")
    scores: dict[str, Score] = Field(description="A calibrated probability for each label; they sum to 1.")


class TextEmotion(Prediction):
    """Of Ekman's six emotions and neutral, as words have them."""

    fine_label: str = Field(
        description="The likeliest of the model's own, finer labels among those that `label` stands for."
    )


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


class TextModelVersion(ModelVersion):
    heads: list[str] = Field(description="What it tells: `sentiment`, `emotion` or both.")


class Echo(BaseModel):
    external_id: str | None = None
    metadata: dict[str, JsonValue] | None = None


class Acoustics(BaseModel):
    """How each channel of a call sounded, as a whole and over time."""

    audio: AudioFacts
    channels: list[Channel]
    timeline: list[Segment] = Field(description="Sorted by start, then channel.")
    models: list[EmotionModelVersion]
    notes: list[str] = Field(description="Plain sentences about what was found in the file.")


class SpokenWord(BaseModel):
    start_ms: Milliseconds
    end_ms: Milliseconds
    text: str
    confidence: Score


class Utterance(BaseModel):
    """What one speaker says at a stretch: what the words say beside how the voice sounds."""

    start_ms: Milliseconds
    end_ms: Milliseconds
    channel: int | None = Field(description="Where the channels hold one speaker each.")
    role: Role
    speaker: str | None = Field(description="The provider's label, where it told the voices of one channel apart.")
    text: str
    confidence: Score = Field(description="The provider's, in the words.")
    words: list[SpokenWord]
    sentiment: Prediction | None = Field(description="Of the words; missing where their language is not English.")
    emotion: TextEmotion | None = Field(description="Of the words too.")
    voice: Prediction | None = Field(
        description="Mean of the speech segments meanwhile, weighted by the overlap; missing where there are none."
    )


class Words(BaseModel):
    """What was said."""

    model: str = Field(description="The provider's speech recognition model.")
    language: str | None = Field(description="The provider's code, such as `en_us`.")
    text: str
    sentiment: Prediction | None = Field(description="Mean of the utterances, weighted by their length.")
    text_models: list[TextModelVersion] = Field(description="What read the words; nothing where nobody did.")
    utterances: list[Utterance]

    @model_validator(mode="before")
    @classmethod
    def _before_emotions(cls, data: Any) -> Any:
        """What was stored when there was a sentiment and no emotion."""
        if isinstance(data, dict) and "sentiment_model" in data:
            model = data.pop("sentiment_model")
            data["text_models"] = [{**model, "heads": ["sentiment"]}] if model else []
            data["utterances"] = [{**utterance, "emotion": None} for utterance in data["utterances"]]
        return data


class Transcript(BaseModel):
    """The transcript, or why there is none."""

    status: WordsStatus = Field(
        description="`pending`: it comes. `unavailable`: the provider could not be used; the words are added if it "
        "can be while the recording is kept. `failed`: it will not come. `none`: it was not asked for, or nobody is "
        "there to make it."
    )
    reason: str | None = Field(description="Why the status is what it is.")
    provider: str | None
    words: Words | None


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

    audio: AudioFacts | None
    channels: list[Channel] | None
    timeline: list[Segment] | None = Field(description="Sorted by start, then channel.")
    models: list[EmotionModelVersion] | None
    notes: list[str] | None = Field(description="Plain sentences about what was found in the file.")
    transcript: Transcript
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


class TextReading(BaseModel):
    """How a piece of text reads."""

    sentiment: Prediction
    emotion: TextEmotion
    windows: int = Field(
        ge=1,
        description="In how many stretches it was read: a text that is longer than the model takes is read in several "
        "that overlap, and the scores are their mean, weighted by their length.",
    )


class TextSpan(BaseModel):
    start: int = Field(ge=0, description="Offset of the first character in the text, counted in Unicode code points.")
    end: int = Field(ge=0, description="Offset after the last character.")
    text: str


class Sentence(TextReading, TextSpan):
    """A sentence, read on its own."""


class TextResult(TextReading):
    """A text, read as a whole."""

    sentences: list[Sentence] = Field(description="In their order; only white space lies between them.")


class TextAnalysis(Echo):
    """The sentiment and the emotion of each text and each of its sentences."""

    models: list[TextModelVersion]
    results: list[TextResult] = Field(description="In the order of the texts.")


class ModelState(StrEnum):
    """`available` is what the first request that names it loads."""

    loaded = "loaded"
    available = "available"
    failed = "failed"


class ModelSummary(BaseModel):
    name: str
    task: str
    status: ModelState
    reason: str | None = Field(description="Why it cannot be loaded.")
    version: str | None = Field(description="Known once the artefact is verified.")
    sha256: str | None = Field(description="Of the ONNX file; checked before it is loaded.")
    labels: dict[str, list[str]] = Field(description="What it tells apart, by what it tells: `emotion`, `sentiment`.")


class ModelList(BaseModel):
    models: list[ModelSummary]


class ModelCard(ModelVersion):
    """The card of a model: what it was trained on, what that allows, and what it scores."""

    model_config = ConfigDict(extra="allow")


class Health(BaseModel):
    status: str


class ProblemType(BaseModel):
    """What a problem's ``type`` refers to."""

    type: str
    title: str
    status: int
    example: ProblemDocument


class ProblemTypeList(BaseModel):
    problems: list[ProblemType]
