"""Voiced stretches that are not speech."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.audio.decode import SAMPLE_RATE, Limits, decode
from service.audio.vad import Region, speech_regions
from service.audio.voicing import is_tone, voiced_stretches
from tests.recordings import SEVEN, Encoding, encode, groan


def _in_silence(sound, before=1.0, after=1.0):
    """``sound`` on a line with a little noise."""
    samples = np.concatenate([np.zeros(round(before * SAMPLE_RATE)), sound, np.zeros(round(after * SAMPLE_RATE))])
    noise = np.random.default_rng(0).normal(scale=5e-4, size=len(samples))
    return (samples + noise).astype(np.float32)


def _tones(*frequencies, seconds):
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return 0.2 * sum(np.sin(2 * np.pi * frequency * time) for frequency in frequencies) / len(frequencies)


def _keys(count):
    """A telephone number, dialled: a tenth of a second a key, a tenth between them."""
    random = np.random.default_rng(2)
    pause = np.zeros(SAMPLE_RATE // 10)
    pressed = [(random.choice((697, 770, 852, 941)), random.choice((1209, 1336, 1477))) for _ in range(count)]
    return np.concatenate([part for pair in pressed for part in (_tones(*pair, seconds=0.1), pause)])


@pytest.mark.parametrize("pitch", [90, 140, 250, 400])
@pytest.mark.parametrize("seconds", [0.5, 1.2, 2.5])
def test_a_groan_is_found_where_it_is(pitch, seconds):
    (found,) = voiced_stretches(_in_silence(groan(seconds, pitch)), [])
    assert found.start / SAMPLE_RATE == pytest.approx(1 - 0.1, abs=0.1)
    assert found.end / SAMPLE_RATE == pytest.approx(1 + seconds + 0.1, abs=0.15)


@pytest.mark.parametrize("name", ["mulaw", "amr", "mp3"])
def test_a_groan_is_found_over_the_telephone(name):
    narrow = _in_silence(groan(1.2))[None, ::2]
    samples = decode(io.BytesIO(encode(narrow, 8_000, SEVEN[name])), Limits(60, 1)).samples[0]
    (found,) = voiced_stretches(samples, [])
    assert (found.end - found.start) / SAMPLE_RATE == pytest.approx(1.4, abs=0.25)


def test_a_laugh_is_one_stretch():
    breath = np.zeros(SAMPLE_RATE // 10)
    laugh = np.concatenate([part for _ in range(5) for part in (groan(0.2, 220), breath)])
    assert len(voiced_stretches(_in_silence(laugh), [])) == 1


def test_a_groan_inside_or_beside_speech_is_left_to_the_speech_model():
    samples = _in_silence(groan(1.2))
    assert voiced_stretches(samples, [Region(0, len(samples))]) == []
    assert voiced_stretches(samples, [Region(SAMPLE_RATE // 2, 2 * SAMPLE_RATE + SAMPLE_RATE // 10)]) == []


def test_stretches_keep_their_distance_from_speech():
    samples = _in_silence(groan(2.5))
    speech = Region(0, 2 * SAMPLE_RATE)
    (found,) = voiced_stretches(samples, [speech])
    assert found.start >= speech.end


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(_tones(440, 480, seconds=2), id="ringback"),
        pytest.param(_tones(425, seconds=1), id="European ringback"),
        pytest.param(_tones(400, 450, seconds=0.4), id="British ringback"),
        pytest.param(_tones(350, 440, seconds=3), id="dial tone"),
        pytest.param(_tones(480, 620, seconds=0.5), id="busy"),
        pytest.param(_tones(697, 1209, seconds=0.4), id="a key held down"),
        pytest.param(_keys(10), id="a number dialled"),
        pytest.param(_tones(1_000, seconds=0.6), id="beep"),
        pytest.param(_tones(200, 400, 600, seconds=1), id="buzzer"),
        pytest.param(_tones(2_100, seconds=2), id="fax"),
    ],
)
@pytest.mark.parametrize("encoding", [Encoding("wav", "pcm_mulaw"), SEVEN["amr"]], ids=["mulaw", "amr"])
def test_tones_of_the_telephone_are_no_voice(sound, encoding):
    narrow = _in_silence(sound)[None, ::2]
    samples = decode(io.BytesIO(encode(narrow, 8_000, encoding)), Limits(60, 1)).samples[0]
    assert voiced_stretches(samples, []) == []


def test_a_voice_is_no_tone():
    assert not is_tone(groan(0.5).astype(np.float32))
    assert is_tone(_tones(440, 480, seconds=0.5).astype(np.float32))


@pytest.mark.parametrize("amplitude", [0, 1e-4, 0.01, 0.3])
def test_noise_is_no_voice(amplitude):
    noise = np.random.default_rng(0).normal(scale=amplitude or 1e-9, size=10 * SAMPLE_RATE)
    assert voiced_stretches(noise.astype(np.float32), []) == []


def test_what_is_shorter_than_a_burst_is_left_out():
    assert voiced_stretches(_in_silence(groan(0.2)), []) == []


def test_what_is_longer_than_a_breath_is_left_out():
    assert voiced_stretches(_in_silence(groan(9)), []) == []


def test_what_lies_far_below_the_voices_of_the_call_is_left_out():
    samples = np.concatenate([_in_silence(groan(1.2)), _in_silence(0.005 * groan(1.2))])
    assert len(voiced_stretches(samples, [])) == 1


def test_the_sample_call_holds_speech_and_nothing_else_that_is_voiced(sample_call, voice_activity):
    with sample_call.open("rb") as file:
        for samples in decode(file, Limits(60, 2)).samples:
            speech = speech_regions(samples, voice_activity.probabilities(samples))
            assert voiced_stretches(samples, speech) == []


def test_real_ringback_free_calls_hold_no_bursts_between_their_turns(shared, voice_activity):
    with (shared / "data" / "calls" / "commercial_mono.wav").open("rb") as file:
        samples = decode(file, Limits(60, 1)).samples[0]
    speech = speech_regions(samples, voice_activity.probabilities(samples))
    assert voiced_stretches(samples, speech) == []


@given(st.data())
@settings(max_examples=60)
def test_stretches_are_sorted_disjoint_and_inside_the_signal(data):
    pieces = [
        data.draw(st.sampled_from([groan(0.4), groan(1.0), np.zeros(SAMPLE_RATE // 3), _tones(440, seconds=0.5)]))
        for _ in range(data.draw(st.integers(0, 5)))
    ]
    whole = np.concatenate([np.zeros(data.draw(st.integers(0, 2_000))), *pieces])
    samples = (whole + np.random.default_rng(0).normal(scale=1e-3, size=len(whole))).astype(np.float32)
    stretches = voiced_stretches(samples, [])
    edges = [edge for stretch in stretches for edge in stretch]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(samples) for start, end in stretches)
