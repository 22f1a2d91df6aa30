"""Stretches of time as pairs of milliseconds, the end exclusive."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Interval(NamedTuple):
    start: int
    end: int


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """What any of ``intervals`` covers: sorted, disjoint, none of them empty."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(end, joined[-1].end))
        elif start < end:
            joined.append(Interval(start, end))
    return joined


def intersection(ones: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What both cover, each sorted and disjoint; so is what is returned."""
    common, i, j = [], 0, 0
    while i < len(ones) and j < len(others):
        start, end = max(ones[i].start, others[j].start), min(ones[i].end, others[j].end)
        if start < end:
            common.append(Interval(start, end))
        if ones[i].end < others[j].end:
            i += 1
        else:
            j += 1
    return common


def shared(interval: Interval, others: Sequence[Interval]) -> int:
    """How much of ``interval`` lies in ``others``, which are sorted and disjoint."""
    first = bisect_right(others, interval.start, key=_end)
    last = bisect_right(others, interval.end, key=_start)
    return sum(max(0, min(interval.end, end) - max(interval.start, start)) for start, end in others[first:last])


def length(intervals: Iterable[Interval]) -> int:
    return sum(end - start for start, end in intervals)


def _start(interval: Interval) -> int:
    return interval.start


def _end(interval: Interval) -> int:
    return interval.end
