"""Every resampler keeps what fits into 16 kHz, and one of them is the service's own."""

from io import BytesIO

import numpy as np
import pytest
from scipy.io import wavfile

from service.audio.decode import Limits, decode
from training.resampling.resamplers import RESAMPLERS, Resampler, by_line, by_service


def tone(hertz: float, rate: int) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.float32)


def loudest(samples: np.ndarray) -> int:
    """In Hz, of a second at 16 kHz."""
    return int(np.abs(np.fft.rfft(samples, 16_000)).argmax())


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
@pytest.mark.parametrize("resample", RESAMPLERS.values(), ids=RESAMPLERS)
def test_tone_and_length_are_kept(resample: Resampler, rate: int) -> None:
    heard = resample(tone(440, rate), rate)
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(16_000, abs=32)
    assert loudest(heard) == 440
    assert np.std(heard[4000:12000]) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_service_resamples_so(rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * rate).astype(np.float32)
    file = BytesIO()
    wavfile.write(file, rate, noise)
    heard = decode(file, Limits(max_seconds=10, max_channels=1)).samples[0]
    assert np.array_equal(by_service(noise, rate), heard)


def test_line_folds_back_what_does_not_fit() -> None:
    assert loudest(by_line(tone(9_000, 48_000), 48_000)) == 7_000


def test_line_goes_halfway_between_neighbours() -> None:
    ramp = np.arange(12, dtype=np.float32)
    assert np.allclose(by_line(ramp, 24_000), [0, 1.5, 3, 4.5, 6, 7.5, 9, 10.5])
