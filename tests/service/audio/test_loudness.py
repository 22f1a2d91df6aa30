"""How loud speech is, second by second."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.audio.decode import SAMPLE_RATE
from service.audio.loudness import dbfs, loudness
from service.audio.vad import Region

SECOND = SAMPLE_RATE


@pytest.mark.parametrize(("power", "level"), [(1, 0), (0.5, -3.01), (0.01, -20), (0, -100)])
def test_a_level_is_relative_to_full_scale(power, level):
    assert dbfs(power) == pytest.approx(level, abs=0.01)


def test_only_speech_counts_and_each_second_on_its_own():
    samples = np.full(4 * SECOND + 10, 0.9, np.float32)
    samples[SECOND // 2 : SECOND] = 0.1
    samples[SECOND : SECOND + SECOND // 4] = 0.01
    samples[-10:] = 1
    found = loudness(samples, [Region(SECOND // 2, SECOND + SECOND // 4), Region(4 * SECOND, 4 * SECOND + 10)])
    assert found == pytest.approx([-20, -40, None, None, 0], abs=0.01)


def test_two_stretches_within_a_second_are_heard_together():
    samples = np.zeros(SECOND, np.float32)
    samples[:4_000], samples[8_000:12_000] = 0.1, 0.3
    (level,) = loudness(samples, [Region(0, 4_000), Region(8_000, 12_000)])
    assert level == pytest.approx(10 * np.log10((0.01 + 0.09) / 2), abs=0.01)


def test_nothing_has_no_loudness():
    assert loudness(np.empty(0, np.float32), []) == []
    assert loudness(np.ones(1, np.float32), []) == [None]


@given(
    edges=st.lists(st.integers(0, 3 * SECOND + 100), max_size=6, unique=True).map(sorted),
    gain_db=st.floats(-40, 0),
    seconds_before=st.integers(0, 3),
)
@settings(max_examples=25)
def test_gain_shifts_the_level_and_silence_before_shifts_the_seconds(edges, gain_db, seconds_before):
    samples = np.random.default_rng(0).uniform(-1, 1, 3 * SECOND + 100).astype(np.float32)
    speech = [Region(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
    found = loudness(samples, speech)
    quieter = loudness(samples * np.float32(10 ** (gain_db / 20)), speech)
    assert quieter == pytest.approx([None if each is None else each + gain_db for each in found], abs=0.001)
    offset = seconds_before * SECOND
    later = np.concatenate([np.zeros(offset, np.float32), samples])
    moved = [Region(start + offset, end + offset) for start, end in speech]
    assert loudness(later, moved) == [None] * seconds_before + found
