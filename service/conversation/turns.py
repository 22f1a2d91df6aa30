"""Who has the floor when.

What is said here rests on voice activity alone, which closes pauses of less than half a second:

- A **stretch** is talk of one participant without a longer pause.
- A stretch **takes the floor** unless it lies within a longer stretch of another, who talks on through it. That leaves
  out backchannels ("mm-hm") and attempts that fail, however long.
- A **turn** is what a participant says from a stretch that takes the floor until another's does, or until it has been
  silent for three seconds.
- An **interruption** is a turn that begins in another's stretch, at least half a second before that ends, and goes on
  for at least a second after; two who begin within a fifth of a second begin at once. Less is how turns follow each
  other when nobody is cut short: people foresee where a turn ends, and mostly overlap by less than half a second
  (Levinson & Torreira 2015, "Timing in turn-taking"); and who says no more than a second has not taken the floor.
- An **answer** is a turn, no interruption, that begins after another's; its latency is the silence between the two,
  none where they overlap.

None of it depends on the order in which the participants are named.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.conversation.spans import Interval

SILENCE_MS: Final = 3_000
# As exact as the edges of voice activity are; two people who begin within it begin at once.
_EDGE_MS: Final = 200
_CUT_SHORT_MS: Final = 500
_TAKEN_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What one participant says at a time.

    Attributes:
        span: from its beginning to its end, pauses included.
        interrupts: from its beginning until who is interrupted falls silent; None where nobody is.
        latency_ms: how long after the end of another's turn it began; None where it is no answer.
    """

    span: Interval
    interrupts: Interval | None
    latency_ms: int | None


def turns(talk: Sequence[Sequence[Interval]]) -> list[list[Turn]]:
    """The turns of each participant in their order, of when each talks: sorted, disjoint stretches in milliseconds."""
    floor = [
        [stretch for stretch in own if not any(_lies_within(stretch, other) for other in _but(talk, who))]
        for who, own in enumerate(talk)
    ]
    spans = [_spans(own, _begins(_but(floor, who))) for who, own in enumerate(floor)]
    return [_turns(own, _but(floor, who), _but(spans, who)) for who, own in enumerate(spans)]


def _but(everybody: Sequence[Sequence[Interval]], who: int) -> list[Sequence[Interval]]:
    return [each for other, each in enumerate(everybody) if other != who]


def _begins(others: Sequence[Sequence[Interval]]) -> list[int]:
    return sorted(stretch.start for other in others for stretch in other)


def _lies_within(stretch: Interval, others: Sequence[Interval]) -> bool:
    """Whether one of ``others``, sorted and disjoint, is longer and covers ``stretch`` but for its edges."""
    at = bisect_right(others, stretch.start + _EDGE_MS, key=_start) - 1
    if at < 0:
        return False
    start, end = others[at]
    return stretch.end <= end + _EDGE_MS and end - start > stretch.end - stretch.start


def _spans(own: Sequence[Interval], begins: Sequence[int]) -> list[Interval]:
    """Where the turns lie that ``own`` stretches make, if others take the floor at ``begins``, sorted."""
    spans: list[Interval] = []
    last: Interval | None = None
    for stretch in own:
        if last and stretch.start - last.end < SILENCE_MS and not _any_in(begins, last.start, stretch.start):
            spans[-1] = Interval(spans[-1].start, stretch.end)
        else:
            spans.append(stretch)
        last = stretch
    return spans


def _turns(
    own: Sequence[Interval], floor: Sequence[Sequence[Interval]], spans: Sequence[Sequence[Interval]]
) -> list[Turn]:
    """Turns with these ``spans`` of their own, among the stretches and the turns of the others."""
    made = []
    before = 0
    for span in own:
        interrupts = _interrupts(span, floor)
        ends = [other.end for each in spans for other in _beginning_in(each, before, span.start)]
        latency = max(0, span.start - max(ends)) if ends and interrupts is None else None
        made.append(Turn(span, interrupts, latency))
        before = span.start
    return made


def _interrupts(turn: Interval, floor: Sequence[Sequence[Interval]]) -> Interval | None:
    ends = []
    for others in floor:
        at = bisect_left(others, turn.start - _EDGE_MS, key=_start) - 1
        if at >= 0 and turn.start + _CUT_SHORT_MS <= others[at].end <= turn.end - _TAKEN_MS:
            ends.append(others[at].end)
    return Interval(turn.start, max(ends)) if ends else None


def _beginning_in(intervals: Sequence[Interval], start: int, end: int) -> Sequence[Interval]:
    """Those that begin from ``start`` on, before ``end``."""
    return intervals[bisect_left(intervals, start, key=_start) : bisect_left(intervals, end, key=_start)]


def _any_in(sorted_times: Sequence[int], start: int, end: int) -> bool:
    return bisect_left(sorted_times, start) < bisect_left(sorted_times, end)


def _start(interval: Interval) -> int:
    return interval.start
