"""What a telephone line and a codec do to a recording, and what they leave alone."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.audio.features import Floats
from training import channel

TIME = np.arange(16_000) / 16_000


def tone(hertz: float) -> Floats:
    return (0.3 * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


def level(samples: Floats) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples[2000:-2000]))) + 1e-9))


@pytest.mark.parametrize(("hertz", "kept"), [(50, False), (1000, True), (2500, True), (3900, False), (6000, False)])
def test_telephone_keeps_the_speech_band_only(hertz: float, kept: bool) -> None:
    loss = level(tone(hertz)) - level(channel.telephone(tone(hertz)))
    assert loss < 1 if kept else loss > 15


def test_mu_law_costs_as_much_as_eight_bits_do() -> None:
    noise = channel.mu_law(tone(440)) - tone(440)
    assert 30 < level(tone(440)) - level(noise) < 45


@pytest.mark.parametrize("codec", ["amr", "mp3", "opus"])
def test_codec_keeps_length_and_level(codec: str) -> None:
    heard = channel.through_codec(tone(440), codec)
    assert len(heard) == 16_000
    assert abs(level(heard) - level(tone(440))) < 3


@given(st.floats(0, 30), st.integers(0, 1000))
def test_noise_has_the_level_asked_for(snr_db: float, seed: int) -> None:
    noise = channel.noisy(tone(440), snr_db, np.random.default_rng(seed)) - tone(440)
    signal_to_noise = 10 * np.log10(np.mean(np.square(tone(440))) / np.mean(np.square(noise)))
    assert signal_to_noise == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.18])
def test_speed_changes_length_and_pitch_together(factor: float) -> None:
    faster = channel.at_speed(tone(400), factor)
    assert len(faster) == pytest.approx(16_000 / factor, rel=0.01)
    spectrum = np.abs(np.fft.rfft(faster))
    assert np.argmax(spectrum) * 16_000 / len(faster) == pytest.approx(400 * factor, rel=0.01)


def loudest(samples: Floats) -> float:
    """The frequency in Hz at which ``samples`` have most energy."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 16_000 / len(samples))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_tempo_changes_length_and_leaves_the_pitch(factor: float) -> None:
    faster = channel.at_tempo(tone(400), factor)
    assert faster.dtype == np.float32
    assert len(faster) == pytest.approx(16_000 / factor, rel=0.01)
    assert loudest(faster) == pytest.approx(400, rel=0.01)


@pytest.mark.parametrize("semitones", [-2, 0, 2])
def test_pitch_changes_pitch_and_leaves_the_length(semitones: float) -> None:
    shifted = channel.at_pitch(tone(400), semitones)
    assert shifted.dtype == np.float32
    assert len(shifted) == 16_000
    assert loudest(shifted) == pytest.approx(400 * 2 ** (semitones / 12), rel=0.01)


@pytest.mark.parametrize(
    "change", [lambda sound: channel.at_tempo(sound, 0.8), lambda sound: channel.at_pitch(sound, 2)]
)
def test_neither_blurs_a_pause_between_syllables(change: Callable[[Floats], Floats]) -> None:
    syllables = tone(400)
    syllables[7200:8800] = 0
    changed = change(syllables)
    middle, edge = len(changed) // 2, int(0.02 * 16_000)
    assert level(changed[:6000]) - level(np.pad(changed[middle - edge : middle + edge], 2000)) > 40


def test_silence_stays_finite() -> None:
    silence = np.zeros(8000, dtype=np.float32)
    assert np.isfinite(channel.at_tempo(silence, 0.8)).all()
    assert np.isfinite(channel.at_pitch(silence, 2)).all()
    assert np.isfinite(channel.telephone(silence)).all()
    assert np.isfinite(channel.noisy(silence, 10, np.random.default_rng(0))).all()
