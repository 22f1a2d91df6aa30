"""What a channel is worth: level, noise, clipping and band, of the whole and of its parts."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from service.audio.decode import SAMPLE_RATE, Limits, decode
from service.audio.quality import Gauge
from service.audio.vad import FRAME, Region, speech_regions
from tests.recordings import SEVEN, encode, native

SECOND = SAMPLE_RATE
SPEECH = [Region(SECOND, 3 * SECOND), Region(4 * SECOND, 5 * SECOND)]


def _call(level=0.1, noise=0.001, seconds=6):
    """White noise for a voice, at 1 to 3 and 4 to 5 seconds, and for the line."""
    random = np.random.default_rng(0)
    samples = noise * random.standard_normal(seconds * SECOND)
    for start, end in SPEECH:
        samples[start:end] += level * random.standard_normal(end - start)
    return samples.astype(np.float32)


def _gauge(samples, speech=SPEECH, sample_rate=SAMPLE_RATE):
    return Gauge(samples, speech, sample_rate)


def test_the_level_is_that_of_the_speech_alone():
    quality = _gauge(_call(level=0.1, noise=0)).quality
    assert quality.level_dbfs == pytest.approx(-20, abs=0.1)
    samples = np.zeros(6 * SECOND, np.float32)
    samples[0], samples[SECOND + 5] = 0.9, -0.5
    assert _gauge(samples).quality.peak_dbfs == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 20, 40])
def test_noise_is_measured_between_speech(snr_db):
    gauge = _gauge(_call(level=0.1, noise=0.1 / 10 ** (snr_db / 20)))
    assert gauge.quality.snr_db == pytest.approx(snr_db, abs=0.5)
    assert gauge.snr_db(SPEECH[1]) == pytest.approx(snr_db, abs=1)


def test_a_part_has_its_own_signal_to_noise_ratio():
    samples = _call(noise=0.001)
    samples[4 * SECOND : 5 * SECOND] *= 0.1
    gauge = _gauge(samples)
    assert gauge.snr_db(SPEECH[0]) == pytest.approx(40, abs=0.5)
    assert gauge.snr_db(SPEECH[1]) == pytest.approx(20, abs=0.5)


def test_the_ratio_is_limited():
    assert _gauge(_call(level=0.1, noise=0.00002)).quality.snr_db == 60
    samples = _call(level=0.001, noise=0.1)
    samples[SECOND : 2 * SECOND] = 0
    assert _gauge(samples).snr_db(Region(SECOND, 2 * SECOND)) == -10


def test_neither_a_click_nor_a_line_that_is_not_connected_yet_is_its_noise():
    samples = _call(noise=0.001)
    samples[100] = 1
    samples[5 * SECOND + 1_000 :] = 0
    assert _gauge(samples).quality.snr_db == pytest.approx(40, abs=0.5)


@pytest.mark.parametrize("speech", [[Region(0, 6 * SECOND)], [Region(7_000, 6 * SECOND)]])
def test_without_a_pause_there_is_no_ratio(speech):
    assert _gauge(_call(), speech).quality.snr_db is None
    assert _gauge(_call(noise=0)).quality.snr_db is None


def test_without_speech_there_is_no_quality_but_there_is_noise():
    gauge = _gauge(_call(level=0, noise=0.001), [])
    assert gauge.quality is None
    assert gauge.clipped(SPEECH[0]) == 0
    assert gauge.snr_db(SPEECH[0]) < 0
    assert _gauge(np.zeros(0, np.float32), []).quality is None


def test_runs_at_the_extreme_are_clipped_and_single_peaks_are_not():
    samples = np.zeros(6 * SECOND, np.float32)
    samples[SECOND : SECOND + 30] = 0.5
    samples[SECOND + 100 : SECOND + 103] = -0.5
    samples[SECOND + 200 : SECOND + 202] = 0.5
    samples[0:50] = 0.5  # nobody speaks there
    gauge = _gauge(samples)
    assert gauge.quality.clipped == pytest.approx(33 / (3 * SECOND))
    assert gauge.clipped(Region(SECOND + 10, SECOND + 110)) == pytest.approx(23 / 100)
    assert gauge.clipped(SPEECH[1]) == 0


def test_a_run_ends_with_the_speech():
    samples = np.zeros(6 * SECOND, np.float32)
    samples[3 * SECOND - 2 : 3 * SECOND + 2] = 0.5
    assert _gauge(samples).quality.clipped == 0


@pytest.mark.parametrize("cut_hz", [1_500, 2_500, 3_400, 5_000, 7_000])
def test_the_band_ends_where_the_spectrum_falls_away(cut_hz):
    sharp = butter(12, cut_hz, fs=SAMPLE_RATE, output="sos")
    samples = sosfiltfilt(sharp, _call(noise=0)).astype(np.float32)
    assert cut_hz <= _gauge(samples).quality.bandwidth_hz <= 1.2 * cut_hz + 300


def test_hum_and_a_constant_offset_are_no_band():
    speech = sosfiltfilt(butter(12, 3_000, fs=SAMPLE_RATE, output="sos"), _call(level=0.01, noise=0))
    hum = 0.2 + 0.3 * np.sin(2 * np.pi * 50 / SAMPLE_RATE * np.arange(len(speech)))
    found = _gauge((speech + hum).astype(np.float32)).quality.bandwidth_hz
    assert found == pytest.approx(_gauge(speech.astype(np.float32)).quality.bandwidth_hz, abs=200)


def test_a_file_has_no_more_band_than_its_rate_allows():
    assert _gauge(_call(noise=0)).quality.bandwidth_hz > 7_500
    assert _gauge(_call(noise=0), sample_rate=8_000).quality.bandwidth_hz == 4_000


def test_speech_shorter_than_a_frame_has_a_quality():
    assert _gauge(_call()[: SECOND + 7], [Region(SECOND, SECOND + 7)]).quality.bandwidth_hz > 0


@given(gain_db=st.floats(-30, 0), frames_before=st.integers(0, 40))
@settings(max_examples=15)
def test_gain_and_silence_before_change_the_level_and_nothing_else(gain_db, frames_before):
    samples = np.clip(_call(level=0.25, noise=0.002), -0.6, 0.6)
    offset = frames_before * FRAME
    quieter = np.concatenate([np.zeros(offset, np.float32), samples * np.float32(10 ** (gain_db / 20))])
    moved = [Region(start + offset, end + offset) for start, end in SPEECH]
    before, after = _gauge(samples).quality, _gauge(quieter, moved).quality
    assert after.level_dbfs == pytest.approx(before.level_dbfs + gain_db, abs=0.001)
    assert after.peak_dbfs == pytest.approx(before.peak_dbfs + gain_db, abs=0.001)
    assert after.clipped == pytest.approx(before.clipped, abs=1e-4)
    assert before.clipped > 0
    assert after.snr_db == pytest.approx(before.snr_db, abs=0.01)
    assert after.bandwidth_hz == before.bandwidth_hz


@pytest.fixture(scope="module", params=["auto_loan_mono_u8", "auto_repairs_stereo", "commercial_mono", "short_stereo"])
def call(shared, request):
    """Half a minute of a real call."""
    samples, rate = native(shared / "data" / "calls" / f"{request.param}.wav")
    return samples[:1, : 30 * rate], rate


@pytest.fixture
def measured(call, voice_activity):
    """The quality of the call, as it is or changed and encoded."""

    def measure(change=lambda samples, rate: samples, encoding="wav"):
        samples, rate = call
        changed = np.asarray(change(samples, rate), np.float32)
        recording = decode(io.BytesIO(encode(changed, rate, SEVEN[encoding])), Limits(60, 1))
        heard = recording.samples[0]
        speech = speech_regions(heard, voice_activity.probabilities(heard))
        return Gauge(heard, speech, recording.sample_rate).quality

    return measure


@pytest.mark.parametrize("encoding", ["wav", "mulaw", "amr"])
def test_a_telephone_has_a_telephone_s_band(call, measured, encoding):
    rate = SEVEN[encoding].rate or call[1]
    expected = (3_300, 4_000) if rate == 8_000 else (7_000, 8_000)
    assert expected[0] <= measured(encoding=encoding).bandwidth_hz <= expected[1]


def test_a_muffled_line_is_narrower(measured):
    quality = measured(lambda samples, rate: sosfiltfilt(butter(8, 2_000, fs=rate, output="sos"), samples))
    assert quality.bandwidth_hz < 2_500


def test_nothing_is_cut_off_until_it_is(measured):
    assert measured().clipped < 0.001

    def cut(samples, rate):
        return np.clip(samples / np.quantile(np.abs(samples), 0.97), -1, 1)

    for encoding in ("wav", "mulaw"):
        assert measured(cut, encoding).clipped > 0.01


def test_noise_that_is_added_is_found(measured):
    clean = measured()
    assert clean.snr_db > 20
    level = 10 ** ((clean.level_dbfs - 10) / 20)

    def noisy(samples, rate):
        return samples + level * np.random.default_rng(0).standard_normal(samples.shape)

    assert measured(noisy).snr_db == pytest.approx(10, abs=1.5)
