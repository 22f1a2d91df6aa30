"""How a recording sounds."""

from pydantic import BaseModel, Field

from service.analyses.abstention import Abstention
from service.analyses.acoustic import ChannelStatus, Layout, Role, Source
from service.schemas.common import Milliseconds, ModelVersion, Prediction, Score, Span


class AudioFacts(BaseModel):
    """The recording as it was found in the file."""

    container: str
    codec: str
    sample_rate: int = Field(description="Of the file, in Hz.")
    channels: int
    duration_ms: Milliseconds
    layout: Layout
    sha256: str | None = Field(default=None, description="Of the bytes that were sent; missing in older analyses.")


class Quality(BaseModel):
    """How good the speech on a channel is."""

    level_dbfs: float = Field(description="Of all of it (RMS), in dB re full scale.")
    peak_dbfs: float = Field(description="Of its largest sample.")
    clipped: Score = Field(description="Share of the samples that are cut off at the largest value.")
    snr_db: float | None = Field(
        description="Signal-to-noise ratio, estimated from the pauses, from -10 to 60; missing where there are none."
    )
    bandwidth_hz: int = Field(description="Up to where its spectrum reaches, whatever the rate of the file.")


class Channel(BaseModel):
    """One channel as a whole."""

    channel: int = Field(ge=1)
    role: Role
    status: ChannelStatus
    reason: str | None = Field(description="Why the status is not `analyzed`.")
    speech_ms: Milliseconds
    overall: Prediction | None = Field(
        description="Mean of the speech segments, weighted by their duration. Those with a reason in `abstained` are "
        "left out unless all have one."
    )
    speech: list[Span] | None = Field(
        default=None, description="Where somebody speaks, whatever the status; missing in older analyses."
    )
    loudness_dbfs: list[float | None] | None = Field(
        default=None,
        description="Level of the speech second by second, in dB re full scale (RMS, a sine at full scale has -3); "
        "`null` in a second without any. Missing in older analyses.",
    )
    quality: Quality | None = Field(default=None, description="Missing where nobody speaks, and in older analyses.")


class Stretch(Span):
    channel: int = Field(ge=1)
    role: Role
    source: Source = Field(description="`speech`, or `vocal_burst`: voiced but not speech, as a sigh is.")


class Segment(Prediction, Stretch):
    """An emotion over a stretch of one channel."""

    abstained: Abstention | None = Field(
        default=None,
        description="Why the label is better not relied on. `too_short`: less than half a second of sound. `low_snr`: "
        "less than 5 dB over the noise. `clipped`: more than 1 % of it is cut off. `narrow_band`: the line ends below "
        "3 kHz. `not_speech`: voice activity finds little speech in it. `too_uncertain`: `prediction_set` holds more "
        "than half of the labels.",
    )
    prediction_set: list[str] | None = Field(
        default=None,
        description="Labels that hold the true one as often as `coverage` of the model says, the likeliest first; "
        "missing where the model promises none.",
    )


class EmotionModelVersion(ModelVersion):
    source: Source = Field(description="The segments that this model labelled.")
    proxy_for: dict[str, str] = Field(
        description="Labels that stand for a category of the training data with another name."
    )
    front_end_sha256: str | None = Field(
        default=None,
        description="Of the settings that its input is made with, as JSON with sorted names and no spaces; missing in "
        "older analyses.",
    )
    coverage: Score | None = Field(
        default=None, description="How often the prediction sets hold the true label; missing where it promises none."
    )


class Acoustics(BaseModel):
    """How each channel of a call sounded, as a whole and over time."""

    audio: AudioFacts
    channels: list[Channel]
    timeline: list[Segment] = Field(description="Sorted by start, then channel.")
    models: list[EmotionModelVersion]
    notes: list[str] = Field(description="Plain sentences about what was found in the file.")
