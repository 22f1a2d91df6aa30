"""Cutting speech into what a model is asked about."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.audio.features import FrontEnd
from service.audio.segments import SHORTEST, WINDOW, cut, windows
from service.audio.vad import Region


@st.composite
def sorted_regions(draw):
    lengths = draw(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 400_000)), max_size=8))
    regions, position = [], 0
    for gap, length in lengths:
        regions.append(Region(position + gap, position + gap + length))
        position = regions[-1].end
    return regions


@given(sorted_regions())
def test_pieces_cover_exactly_the_regions_that_are_long_enough(regions):
    pieces = cut(regions)
    joined = []
    for piece in pieces:
        if joined and piece.start == joined[-1].end and piece.start not in {region.start for region in regions}:
            joined[-1] = Region(joined[-1].start, piece.end)
        else:
            joined.append(piece)
    assert joined == [region for region in regions if region.end - region.start >= SHORTEST]


@given(st.integers(0, 100_000), st.integers(SHORTEST, 2_000_000))
def test_pieces_are_the_fewest_equal_ones_that_fit_the_window(start, length):
    lengths = [end - start for start, end in cut([Region(start, start + length)])]
    assert sum(lengths) == length
    assert len(lengths) == -(-length // WINDOW)
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= WINDOW


def test_what_is_too_short_is_left_out():
    assert cut([Region(0, SHORTEST - 1), Region(50_000, 50_000 + SHORTEST)]) == [Region(50_000, 50_000 + SHORTEST)]


def test_a_window_is_the_piece_with_silence_behind_it():
    samples = np.arange(1, 100_001, dtype=np.float32)
    cuts = windows(samples, [Region(10, 10 + WINDOW), Region(99_000, 100_000)])
    assert cuts.shape == (2, WINDOW)
    assert cuts.dtype == np.float32
    np.testing.assert_array_equal(cuts[0], samples[10 : 10 + WINDOW])
    np.testing.assert_array_equal(cuts[1, :1_000], samples[99_000:])
    assert not cuts[1, 1_000:].any()


def test_no_pieces_are_no_windows():
    assert windows(np.zeros(100, np.float32), []).shape == (0, WINDOW)


def test_the_window_is_the_one_that_the_front_end_expects():
    assert FrontEnd().window_samples == WINDOW
