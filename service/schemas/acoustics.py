"""How a recording sounds."""

from pydantic import BaseModel, Field

from service.analyses.acoustic import ChannelStatus, Layout, Role, Source
from service.schemas.common import Milliseconds, ModelVersion, Prediction, Span


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
    speech: list[Span] | None = Field(
        default=None, description="Where somebody speaks, whatever the status; missing in older analyses."
    )
    loudness_dbfs: list[float | None] | None = Field(
        default=None,
        description="Level of the speech second by second, in dB re full scale (RMS, a sine at full scale has -3); "
        "`null` in a second without any. Missing in older analyses.",
    )


class Stretch(Span):
    channel: int = Field(ge=1)
    role: Role
    source: Source = Field(description="`speech`, or `vocal_burst`: voiced but not speech, as a sigh is.")


class Segment(Prediction, Stretch):
    """An emotion over a stretch of one channel."""


class EmotionModelVersion(ModelVersion):
    source: Source = Field(description="The segments that this model labelled.")
    proxy_for: dict[str, str] = Field(
        description="Labels that stand for a category of the training data with another name."
    )


class Acoustics(BaseModel):
    """How each channel of a call sounded, as a whole and over time."""

    audio: AudioFacts
    channels: list[Channel]
    timeline: list[Segment] = Field(description="Sorted by start, then channel.")
    models: list[EmotionModelVersion]
    notes: list[str] = Field(description="Plain sentences about what was found in the file.")
