"""From a recording to a timeline: who sounded how, when.

channels -> voice activity -> speech pieces     -> speech_emotion -> segments -> overall of the channel
                           -> voiced, no speech -> vocal_burst    -> segments
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from service.analyses.abstention import Abstention, abstention
from service.audio.channels import is_dual_mono
from service.audio.decode import SAMPLE_RATE, Recording
from service.audio.features import Floats
from service.audio.loudness import loudness
from service.audio.quality import Gauge, Quality
from service.audio.segments import cut, windows
from service.audio.vad import Region, speech_regions
from service.audio.voicing import voiced_stretches
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.text import EMOTION
from service.observability.inference import observer, stage
from service.problems import NoSpeech, WrongRoleCount


class Role(StrEnum):
    """Who speaks on a channel."""

    customer = "customer"
    agent = "agent"
    unknown = "unknown"


class Source(StrEnum):
    """Which model heard a segment."""

    speech = "speech"
    vocal_burst = "vocal_burst"


class ChannelStatus(StrEnum):
    """What became of a channel."""

    analyzed = "analyzed"
    withheld = "withheld"
    no_speech = "no_speech"


class Layout(StrEnum):
    """How the voices lie on the channels."""

    mixed = "mixed"
    separate = "separate"
    dual_mono = "dual_mono"


WITHHELD: Final = (
    "Inferring the emotions of people at work from their voice is prohibited in the EU (AI Act, Regulation (EU) "
    "2024/1689, Article 5(1)(f)). Where it is lawful, the deployer can allow it with V2V_AGENT_EMOTIONS=true."
)
NO_CONSENT: Final = "The request says that there is no consent to an analysis of emotions."
_NOT_TOLD_APART: Final = "The voices in it are not told apart, so that a segment may be anybody's."
_NO_SPEECH: Final = "No speech was found on this channel."
_TOO_SHORT: Final = "The speech on this channel is too short to be classified: it takes half a second at a stretch."
_MIXED: Final = f"The recording is one mixed channel. {_NOT_TOLD_APART}"
_DUAL_MONO: Final = (
    f"The channels hold the same signal, so that it is analysed once, as one mixed channel. {_NOT_TOLD_APART}"
)
_ROLES_IGNORED: Final = "The roles that were given for its channels cannot be used."


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one channel, and how it sounds.

    Attributes:
        confidence: the score of ``label``.
        scores: of every label; they sum to 1.
        prediction_set: the labels that the model would not rule out; None where it promises no sets.
        abstained: why ``label`` is better not relied on.
    """

    start_ms: int
    end_ms: int
    channel: int
    role: Role
    source: Source
    label: str
    confidence: float
    scores: dict[str, float]
    prediction_set: list[str] | None
    abstained: Abstention | None


@dataclass(frozen=True, slots=True)
class Overall:
    """The mean of a channel's speech segments, weighted by their duration.

    Those that are better not relied on are left out, unless that is all of them.
    """

    label: str
    confidence: float
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """A channel, counted from 1. What is not ``overall`` is measured on every channel, withheld or not.

    Attributes:
        speech: the stretches in which somebody speaks, as (start_ms, end_ms): sorted and disjoint.
        loudness_dbfs: the level of the speech by second; None in a second without any.
        quality: of the speech; None where there is none.
    """

    channel: int
    role: Role
    status: ChannelStatus
    reason: str | None
    speech_ms: int
    speech: tuple[tuple[int, int], ...]
    loudness_dbfs: tuple[float | None, ...]
    quality: Quality | None
    overall: Overall | None


@dataclass(frozen=True, slots=True)
class AcousticResult:
    """``timeline`` is sorted by start and channel; ``notes`` are sentences that a caller should read."""

    layout: Layout
    channels: tuple[ChannelResult, ...]
    timeline: tuple[Segment, ...]
    notes: tuple[str, ...]


def analyze(
    recording: Recording,
    roles: Sequence[Role] | None,
    models: AcousticModels,
    *,
    agent_emotions: bool,
    consented: bool = True,
) -> AcousticResult:
    """How each channel of ``recording`` sounds over time.

    Args:
        roles: who speaks on each channel; None where the caller does not know.
        agent_emotions: whether the channel of an agent may be analysed too.
        consented: whether any channel may.

    Raises:
        WrongRoleCount: there are roles, but not one for each channel.
        NoSpeech: no channel has speech, nor a vocal burst that could be analysed.
    """
    count = len(recording.samples)
    if roles is not None and len(roles) != count:
        raise WrongRoleCount(
            f"The recording has {count} channel{'s' * (count > 1)} and {len(roles)} roles were given; "
            "give one role for each channel, in their order, or none at all."
        )
    layout, channel_roles, notes = _arrange(recording.samples, roles)
    samples = recording.samples[: len(channel_roles)]
    withheld = dict.fromkeys(Role, None if consented else NO_CONSENT)
    if not agent_emotions:
        withheld[Role.agent] = WITHHELD
    results = [
        _analyze_channel(number, channel, recording.sample_rate, role, models, withheld[role])
        for number, (channel, role) in enumerate(zip(samples, channel_roles, strict=True), start=1)
    ]
    timeline = sorted(
        (segment for _, segments in results for segment in segments),
        key=lambda segment: (segment.start_ms, segment.channel),
    )
    if not timeline and all(result.speech_ms == 0 for result, _ in results):
        raise NoSpeech("Nobody speaks in this recording. Check that the right file was sent and that it has a level.")
    return AcousticResult(layout, tuple(result for result, _ in results), tuple(timeline), notes)


def _arrange(samples: Floats, roles: Sequence[Role] | None) -> tuple[Layout, tuple[Role, ...], tuple[str, ...]]:
    """The layout, the role of each channel that is to be analysed, and what to say about it."""
    known = tuple(roles or (Role.unknown,) * len(samples))
    if is_dual_mono(samples):
        # One role for all the channels is still the role of the one that they are.
        role = known[0] if len(set(known)) == 1 else Role.unknown
        ignored = (_ROLES_IGNORED,) if role is not known[0] else ()
        return Layout.dual_mono, (role,), (_DUAL_MONO, *ignored)
    if known == (Role.unknown,):
        return Layout.mixed, known, (_MIXED,)
    return Layout.separate, known, ()


def _analyze_channel(
    number: int, samples: Floats, sample_rate: int, role: Role, models: AcousticModels, withheld: str | None
) -> tuple[ChannelResult, list[Segment]]:
    with stage("voice_activity", models.voice_activity.name):
        activity = models.voice_activity.probabilities(samples)
    speech = speech_regions(samples, activity)
    gauge = Gauge(samples, speech, sample_rate)
    channel = ChannelResult(
        channel=number,
        role=role,
        status=ChannelStatus.withheld,
        reason=withheld,
        speech_ms=_milliseconds(sum(end - start for start, end in speech)),
        speech=tuple((_milliseconds(start), _milliseconds(end)) for start, end in speech),
        loudness_dbfs=tuple(loudness(samples, speech)),
        quality=gauge.quality,
        overall=None,
    )
    if withheld is not None:
        return channel, []
    spoken = _listen(channel, Source.speech, models.speech_emotion, speech, gauge, activity)
    bursts = voiced_stretches(samples, speech)
    segments = [*spoken, *_listen(channel, Source.vocal_burst, models.vocal_burst, bursts, gauge, None)]
    if not segments:
        reason = _TOO_SHORT if speech else _NO_SPEECH
        return replace(channel, status=ChannelStatus.no_speech, reason=reason), []
    overall = _overall(models.speech_emotion, spoken) if spoken else None
    return replace(channel, status=ChannelStatus.analyzed, reason=None, overall=overall), segments


def _listen(
    channel: ChannelResult,
    source: Source,
    model: EmotionModel,
    regions: Sequence[Region],
    gauge: Gauge,
    activity: Floats | None,
) -> list[Segment]:
    """How the pieces of ``regions`` sound; ``activity`` where they should hold speech."""
    pieces = cut(regions)
    segments = []
    with stage(source, model.name):
        probabilities = model.scores(windows(gauge.samples, pieces))
    for piece, row in zip(pieces, probabilities, strict=True):
        label, confidence, scores = _named(model, row)
        observer().predicted(model.name, EMOTION, label, confidence)
        likely = model.conformal.prediction_set(scores) if model.conformal else None
        uncertain = likely is not None and 2 * len(likely) > len(scores)
        doubt = abstention(piece, gauge, activity, uncertain=uncertain)
        if doubt is not None:
            observer().abstained(model.name, doubt)
        segments.append(
            Segment(
                start_ms=_milliseconds(piece.start),
                end_ms=_milliseconds(piece.end),
                channel=channel.channel,
                role=channel.role,
                source=source,
                label=label,
                confidence=confidence,
                scores=scores,
                prediction_set=likely,
                abstained=doubt,
            )
        )
    return segments


def _overall(model: EmotionModel, segments: Sequence[Segment]) -> Overall:
    relied_on = [segment for segment in segments if segment.abstained is None] or segments
    scores = [[segment.scores[label] for label in model.labels] for segment in relied_on]
    durations = [segment.end_ms - segment.start_ms for segment in relied_on]
    return Overall(*_named(model, np.average(scores, axis=0, weights=durations)))


def _named(model: EmotionModel, scores: Iterable[float]) -> tuple[str, float, dict[str, float]]:
    """The most likely label, its score, and every label's score."""
    named = {label: float(score) for label, score in zip(model.labels, scores, strict=True)}
    label = max(named, key=named.__getitem__)
    return label, named[label], named


def _milliseconds(samples: int) -> int:
    return round(samples * 1000 / SAMPLE_RATE)
