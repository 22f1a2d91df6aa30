"""Whose voice a window of the timeline holds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from service.analyses.acoustic import Source
from service.conversation.spans import Interval, shared, union
from service.schemas import Segment


class Spoken(Protocol):
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def speaker(self) -> str | None: ...


def heard(timeline: Iterable[Segment]) -> list[Segment]:
    """The speech that the model does not abstain from: what a voice is judged by."""
    return [segment for segment in timeline if segment.source is Source.speech and segment.abstained is None]


def speaking(utterances: Iterable[Spoken]) -> dict[str, list[Interval]]:
    """When each speaker speaks by the labels of a transcript, in the order of their first words."""
    spoken: dict[str, list[Interval]] = {}
    for utterance in utterances:
        if utterance.speaker is not None:
            spoken.setdefault(utterance.speaker, []).append(Interval(utterance.start_ms, utterance.end_ms))
    return {speaker: union(intervals) for speaker, intervals in spoken.items()}


def attribute(segments: Iterable[Segment], speakers: Mapping[str, Sequence[Interval]]) -> dict[str, list[Segment]]:
    """The segments of a channel that several share by who speaks in most of each.

    A segment is one judgement of three seconds or less, which cannot be divided: who says a word in what is mostly
    another's has no voice there. A segment in which no speaker speaks is nobody's.
    """
    attributed: dict[str, list[Segment]] = {speaker: [] for speaker in speakers}
    for segment in segments:
        interval = Interval(segment.start_ms, segment.end_ms)
        shares = {speaker: shared(interval, intervals) for speaker, intervals in speakers.items()}
        speaker = max(shares, key=shares.__getitem__, default=None)
        if speaker is not None and shares[speaker] > 0:
            attributed[speaker].append(segment)
    return attributed
