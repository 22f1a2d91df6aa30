"""Calls of which it is known who says what when, and how."""

from collections.abc import Sequence
from typing import Final

from service.analyses.abstention import Abstention
from service.analyses.acoustic import ChannelStatus, Layout, Role, Source
from service.conversation.agreement import compare
from service.schemas import Acoustics, AudioFacts, Channel, Prediction, Segment, Span, Utterance, Words

DURATION_MS: Final = 60_000
# What voice activity puts around speech.
PADDING_MS: Final = 100

Talk = Sequence[tuple[int, int]]


def call(
    *talk: Talk,
    roles: Sequence[Role] = (Role.customer, Role.agent),
    timeline: Sequence[Segment] = (),
    layout: Layout = Layout.separate,
    duration_ms: int = DURATION_MS,
) -> Acoustics:
    """A recording on whose channels somebody talks then, in milliseconds."""
    audio = AudioFacts(
        container="wav",
        codec="pcm_s16le",
        sample_rate=8_000,
        channels=len(talk),
        duration_ms=duration_ms,
        layout=layout,
    )
    channels = [
        Channel(
            channel=number,
            role=role,
            status=ChannelStatus.analyzed,
            reason=None,
            speech_ms=sum(end - start for start, end in own),
            overall=None,
            speech=[
                Span(start_ms=max(0, start - PADDING_MS), end_ms=min(duration_ms, end + PADDING_MS))
                for start, end in own
            ],
            loudness_dbfs=[-20.0] * (duration_ms // 1_000),
        )
        for number, (role, own) in enumerate(zip(roles, talk, strict=False), start=1)
    ]
    ordered = sorted(timeline, key=lambda segment: (segment.start_ms, segment.channel))
    return Acoustics(audio=audio, channels=channels, timeline=ordered, models=[], notes=[])


def mixed(talk: Talk, *, timeline: Sequence[Segment] = (), layout: Layout = Layout.mixed) -> Acoustics:
    """A recording in which all voices are on one channel."""
    return call(talk, roles=[Role.unknown], timeline=timeline, layout=layout)


def sounds(
    start_ms: int,
    end_ms: int,
    valence: float,
    channel: int = 1,
    source: Source = Source.speech,
    abstained: Abstention | None = None,
) -> Segment:
    """A segment with this valence."""
    return Segment(
        start_ms=start_ms,
        end_ms=end_ms,
        channel=channel,
        role=Role.unknown,
        source=source,
        abstained=abstained,
        **dict(voice(valence)),
    )


def says(
    start_ms: int,
    end_ms: int,
    text: str = "All right then.",
    *,
    channel: int | None = 1,
    speaker: str | None = None,
    role: Role = Role.unknown,
    reads: float | None = None,
    sounds: float | None = None,
) -> Utterance:
    """An utterance whose words and voice have these valences."""
    read = None if reads is None else sentiment(reads)
    heard = None if sounds is None else voice(sounds)
    return Utterance(
        start_ms=start_ms,
        end_ms=end_ms,
        channel=channel,
        role=role,
        speaker=speaker,
        text=text,
        confidence=0.9,
        words=[],
        sentiment=read,
        emotion=None,
        voice=heard,
        comparison=compare(read, heard),
    )


def words(*utterances: Utterance) -> Words:
    return Words(model="universal", language="en", text="", sentiment=None, text_models=[], utterances=list(utterances))


def voice(valence: float) -> Prediction:
    scores = {"neutral": round(1 - abs(valence), 4), "happy": max(0.0, valence), "sad": max(0.0, -valence)}
    return _predicted(scores)


def sentiment(valence: float) -> Prediction:
    return _predicted(
        {"negative": max(0.0, -valence), "neutral": round(1 - abs(valence), 4), "positive": max(0.0, valence)}
    )


def _predicted(scores: dict[str, float]) -> Prediction:
    label = max(scores, key=scores.__getitem__)
    return Prediction(label=label, confidence=scores[label], scores=scores)
