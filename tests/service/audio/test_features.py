"""The front end says what librosa says, on real speech and on anything else."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.audio import features
from service.audio.decode import Limits, decode
from service.audio.features import Floats, FrontEnd

TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def speech(shared: Path) -> Floats:
    with (shared / "data/calls/short_stereo.wav").open("rb") as file:
        return decode(file, Limits(max_seconds=60, max_channels=2)).samples[0]


@pytest.mark.parametrize(("n_fft", "n_mels"), [(2048, 128), (1024, 64)])
def test_log_mel_is_librosas(speech: Floats, n_fft: int, n_mels: int) -> None:
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=speech, sr=16_000, n_fft=n_fft, n_mels=n_mels))
    assert np.abs(features.log_mel(speech, 16_000, n_fft=n_fft, n_mels=n_mels) - expected.T).max() <= TOLERANCE


def test_mfcc_is_librosas(speech: Floats) -> None:
    expected = librosa.feature.mfcc(y=speech, sr=16_000, n_mfcc=40)
    assert np.abs(features.mfcc(speech, 16_000, n_mfcc=40) - expected.T).max() <= TOLERANCE


def test_chroma_is_librosas(speech: Floats) -> None:
    expected = librosa.feature.chroma_stft(y=speech, sr=16_000, tuning=0)
    assert np.abs(features.chroma(speech, 16_000) - expected.T).max() <= 1e-5


def test_zero_crossing_rate_is_librosas(speech: Floats) -> None:
    expected = librosa.feature.zero_crossing_rate(y=speech)[0]
    assert np.array_equal(features.zero_crossing_rate(speech), expected.astype(np.float32))


def test_model_input_is_librosas_log_mel_below_its_peak(speech: Floats) -> None:
    front_end = FrontEnd()
    window = speech[: front_end.window_samples]
    power = librosa.feature.melspectrogram(y=window, sr=16_000, n_fft=1024, hop_length=512, n_mels=64)
    expected = librosa.power_to_db(power, ref=np.max, top_db=80)
    assert np.abs(front_end(window[None])[0] - expected.T).max() <= TOLERANCE


def test_batch_is_computed_as_its_members_are(speech: Floats) -> None:
    batch = speech[: 6 * 16_000].reshape(2, 3, -1)
    for function in (features.log_mel, features.mfcc, features.chroma):
        together = function(batch, 16_000)
        assert np.allclose(together[1, 2], function(batch[1, 2], 16_000), atol=1e-4)


@given(gain=st.floats(1e-3, 1.0), seed=st.integers(0, 2**32 - 1))
def test_model_input_does_not_depend_on_the_level(gain: float, seed: int) -> None:
    front_end = FrontEnd()
    window = np.random.default_rng(seed).uniform(-1, 1, (1, front_end.window_samples)).astype(np.float32)
    quieter = front_end(window * np.float32(gain))
    assert np.abs(quieter - front_end(window)).max() < 0.01


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silence_and_full_scale_give_finite_input(level: float) -> None:
    front_end = FrontEnd()
    values = front_end(np.full((2, front_end.window_samples), level, dtype=np.float32))
    assert values.shape == (2, front_end.frames, front_end.n_mels)
    assert np.isfinite(values).all()
    assert values.min() >= -front_end.dynamic_range_db
    assert values.max() == 0.0


def test_power_spectrogram_in_chunks_is_the_whole(monkeypatch: pytest.MonkeyPatch, speech: Floats) -> None:
    whole = features.power_spectrogram(speech, n_fft=1024, hop_length=512)
    monkeypatch.setattr(features, "_CHUNK_FRAMES", 7)
    assert np.array_equal(features.power_spectrogram(speech, n_fft=1024, hop_length=512), whole)
