"""Stretches of time, against counting milliseconds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.conversation.spans import Interval, intersection, length, shared, union

INTERVALS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda pair: Interval(pair[0], sum(pair))), max_size=6
)


def _milliseconds(intervals):
    return {time for start, end in intervals for time in range(start, end)}


@given(INTERVALS, INTERVALS)
@settings(max_examples=60)
def test_they_are_sets_of_milliseconds(ones, others):
    one, other = union(ones), union(others)
    assert _milliseconds(one) == _milliseconds(ones)
    assert _milliseconds(intersection(one, other)) == _milliseconds(ones) & _milliseconds(others)
    assert length(one) == len(_milliseconds(ones))
    for interval in others:
        assert shared(interval, one) == len(_milliseconds([interval]) & _milliseconds(ones))
    for found in (one, intersection(one, other)):
        edges = [edge for interval in found for edge in interval]
        assert edges == sorted(edges)
        assert all(start < end for start, end in found)


def test_what_touches_is_one():
    assert union([Interval(2, 3), Interval(1, 2), Interval(5, 5)]) == [Interval(1, 3)]
