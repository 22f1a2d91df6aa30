"""Voice activity: the network, and the regions that are made of what it says."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.audio.decode import SAMPLE_RATE, Limits, decode
from service.audio.vad import FRAME, MIN_SILENCE, PADDING, VoiceActivity, close, runs, speech_regions
from service.inference.artefacts import Artefact, ArtefactError
from training.sample_call import AGENT, CALL, CUSTOMER

# When each turn of the sample call is heard, in seconds.
CUSTOMER_TURNS = [(5.1, 9.6), (15.6, 18.8), (24.3, 28.3), (34.5, 38.1), (41.8, 43.6)]
AGENT_TURNS = [(0.6, 4.4), (10.4, 14.4), (19.7, 23.7), (29.3, 33.3), (38.9, 41.1)]


@pytest.fixture(scope="module")
def call(sample_call):
    with sample_call.open("rb") as file:
        return decode(file, Limits(60, 2)).samples


@pytest.fixture(scope="module")
def customer(call, voice_activity):
    return call[CUSTOMER], voice_activity.probabilities(call[CUSTOMER])


def _seconds(regions):
    return np.array(regions).reshape(-1, 2) / SAMPLE_RATE


@pytest.mark.parametrize("length", [0, 1, FRAME - 1, FRAME, FRAME + 1, 10 * FRAME])
def test_there_is_a_probability_for_each_frame_begun(voice_activity, length):
    probabilities = voice_activity.probabilities(np.zeros(length, np.float32))
    assert probabilities.shape == (-(-length // FRAME),)
    assert probabilities.dtype == np.float32


def test_probabilities_do_not_depend_on_what_comes_later_nor_on_how_audio_is_chunked(voice_activity, customer):
    samples, probabilities = customer
    for frames in (1, 511, 512, 513, 1_100):
        np.testing.assert_allclose(
            voice_activity.probabilities(samples[: frames * FRAME]), probabilities[:frames], atol=1e-4
        )


def test_only_silero_will_do(models_dir):
    with pytest.raises(ArtefactError, match="speech_emotion takes"):
        VoiceActivity(Artefact.load(models_dir / "speech_emotion"))


@pytest.mark.parametrize(("channel", "turns"), [(CUSTOMER, CUSTOMER_TURNS), (AGENT, AGENT_TURNS)])
def test_the_turns_of_the_sample_call_are_found(call, voice_activity, channel, turns):
    assert len(turns) == sum(turn.channel == channel for turn in CALL)
    regions = speech_regions(call[channel], voice_activity.probabilities(call[channel]))
    np.testing.assert_allclose(_seconds(regions), turns, atol=0.15)


@pytest.mark.parametrize("gain", [0.1, 0.5, 1.1])
def test_the_level_of_the_line_does_not_matter(voice_activity, customer, gain):
    samples, _ = customer
    louder = samples * np.float32(gain)
    regions = speech_regions(louder, voice_activity.probabilities(louder))
    np.testing.assert_allclose(_seconds(regions), CUSTOMER_TURNS, atol=0.2)


@pytest.mark.parametrize("amplitude", [0, 0.001, 0.1])
def test_nobody_speaks_in_silence_and_noise(voice_activity, amplitude):
    noise = np.random.default_rng(0).normal(scale=amplitude or 1e-9, size=10 * SAMPLE_RATE).astype(np.float32)
    assert speech_regions(noise, voice_activity.probabilities(noise)) == []


def test_speech_in_a_noisy_room_keeps_its_place(voice_activity, customer):
    samples, _ = customer
    noise = np.random.default_rng(0).normal(scale=0.01, size=len(samples)).astype(np.float32)
    regions = speech_regions(samples + noise, voice_activity.probabilities(samples + noise))
    np.testing.assert_allclose(_seconds(regions), CUSTOMER_TURNS, atol=0.5)


def test_a_quiet_speaker_is_measured_against_herself(voice_activity, customer):
    samples, _ = customer
    uneven = samples.copy()
    uneven[: 12 * SAMPLE_RATE] *= np.float32(0.03)
    regions = speech_regions(uneven, voice_activity.probabilities(uneven))
    np.testing.assert_allclose(_seconds(regions)[0], CUSTOMER_TURNS[0], atol=0.3)


@given(
    frames=st.integers(0, 200),
    cut_off=st.integers(0, FRAME - 1),
    seed=st.integers(0, 2**32 - 1),
    switching=st.floats(0.01, 0.5),
)
@settings(max_examples=100)
def test_regions_are_sorted_disjoint_and_inside_the_signal(frames, cut_off, seed, switching):
    random = np.random.default_rng(seed)
    length = max(0, frames * FRAME - cut_off)
    speaking = np.cumsum(random.random(frames) < switching) % 2
    probabilities = np.clip(speaking + random.normal(scale=0.2, size=frames), 0, 1).astype(np.float32)
    envelope = np.repeat(0.001 + 0.1 * speaking, FRAME)[:length]
    samples = (envelope * random.normal(size=length)).astype(np.float32)
    regions = speech_regions(samples, probabilities)
    edges = [edge for region in regions for edge in region]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= length for start, end in regions)
    gaps = [after.start - before.end for before, after in pairwise(regions)]
    assert all(gap >= MIN_SILENCE - 2 * PADDING - FRAME for gap in gaps)
    if not (probabilities >= 0.5).any():
        assert regions == []


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 6))
def test_runs_are_what_is_true_and_closing_fills_the_short_gaps_only(mask, gap):
    found = runs(np.array(mask, bool))
    rebuilt = np.zeros(len(mask), bool)
    for start, end in found:
        rebuilt[start:end] = True
    assert rebuilt.tolist() == mask
    closed = close(found, gap)
    assert all(after[0] - before[1] >= gap for before, after in pairwise(closed))
    assert {start for start, _ in closed} <= {start for start, _ in found}
    assert {end for _, end in closed} <= {end for _, end in found}
