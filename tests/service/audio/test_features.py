"""The front end says what librosa says, on real speech and on anything else."""

from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.audio import features
from service.audio.decode import Limits, decode
from service.audio.features import FEATURES, STATISTICS, Floats, FrontEnd

TOLERANCE = 1e-3

kinds = pytest.mark.parametrize(
    "front_end",
    [
        pytest.param(FrontEnd(features=names, statistics=statistics), id=f"{kind}{', statistics' * statistics}")
        for kind, names in [*((name, (name,)) for name in FEATURES), ("combined", FEATURES)]
        for statistics in (False, True)
    ],
)


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


def of_librosa(window: Floats, names: tuple[str, ...] = FEATURES, **changes: int) -> Floats:
    """The features of one window by librosa, frames in rows; mel bands in dB below the window's peak."""
    size = {"n_fft": 1024, "hop_length": 512} | changes
    mel = librosa.feature.melspectrogram(y=window, sr=16_000, n_mels=64, **size)
    below_peak = librosa.power_to_db(mel, ref=np.max, top_db=80)
    parts = {
        "mfcc": librosa.feature.mfcc(S=below_peak, n_mfcc=40),
        "mel": below_peak,
        "chroma": librosa.feature.chroma_stft(y=window, sr=16_000, tuning=0, **size),
        "zcr": librosa.feature.zero_crossing_rate(window, frame_length=size["n_fft"], hop_length=size["hop_length"]),
    }
    return np.concatenate([parts[name] for name in names]).T


@pytest.mark.parametrize("names", [*((name,) for name in FEATURES), FEATURES, ("mel", "zcr")], ids="+".join)
@pytest.mark.parametrize("hop_length", [512, 277])
def test_model_input_is_what_librosa_says(speech: Floats, names: tuple[str, ...], hop_length: int) -> None:
    front_end = FrontEnd(features=names, hop_length=hop_length)
    for window in speech[: 3 * front_end.window_samples].reshape(3, -1):
        expected = of_librosa(window, names, hop_length=hop_length)
        assert expected.shape == front_end.shape
        assert np.abs(front_end(window[None])[0] - expected).max() <= TOLERANCE


@pytest.mark.parametrize("names", [*((name,) for name in FEATURES), FEATURES], ids="+".join)
def test_statistics_are_numpys_over_the_frames_that_are_heard(speech: Floats, names: tuple[str, ...]) -> None:
    front_end = FrontEnd(features=names, statistics=True)
    window = speech[:48_000].copy()
    window[20_000:30_000] = 0  # a pause
    heard = of_librosa(window, ("mel",)).max(axis=1) > -40
    frames = of_librosa(window, names)[heard]
    assert 20 < heard.sum() < 70
    steps = np.diff(frames, axis=0, prepend=frames[:1])
    expected = {
        "mean": frames.mean(axis=0),
        "deviation": frames.std(axis=0),
        "least": frames.min(axis=0),
        "10 %": np.percentile(frames, 10, axis=0),
        "25 %": np.percentile(frames, 25, axis=0),
        "median": np.median(frames, axis=0),
        "75 %": np.percentile(frames, 75, axis=0),
        "90 %": np.percentile(frames, 90, axis=0),
        "most": frames.max(axis=0),
        "mean step": np.abs(steps).mean(axis=0),
        "deviation of the steps": steps.std(axis=0),
    }
    assert tuple(expected) == STATISTICS
    found = front_end(window[None])[0].reshape(len(STATISTICS), front_end.columns)
    for row, (name, values) in zip(found, expected.items(), strict=True):
        assert np.abs(row - values).max() <= TOLERANCE, name


def test_one_frame_that_is_heard_has_statistics() -> None:
    click = np.zeros((1, 48_000), dtype=np.float32)
    click[0, 24_064] = 1.0
    statistics = FrontEnd(features=FEATURES, hop_length=1024, statistics=True)(click)[0]
    mean, deviation, least = statistics.reshape(len(STATISTICS), -1)[:3]
    assert np.allclose(mean, least, atol=1e-4)
    assert np.allclose(deviation, 0, atol=1e-4)


@st.composite
def configurations(draw: st.DrawFn) -> FrontEnd:
    chosen = draw(st.sets(st.sampled_from(FEATURES), min_size=1))
    n_mels = draw(st.integers(1, 48))
    return FrontEnd(
        window_samples=draw(st.integers(1, 6000)),
        n_fft=2 * draw(st.integers(64, 600)),
        hop_length=draw(st.integers(64, 700)),
        n_mels=n_mels,
        n_mfcc=draw(st.integers(1, n_mels)),
        dynamic_range_db=draw(st.sampled_from([40.5, 80.0, 120.0])),
        features=tuple(name for name in FEATURES if name in chosen),
        statistics=draw(st.booleans()),
    )


@given(configurations(), st.integers(0, 3))
def test_input_has_the_shape_that_is_said(front_end: FrontEnd, windows: int) -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, (windows, front_end.window_samples)).astype(np.float32)
    given_to_model = front_end(sound)
    assert given_to_model.shape == (windows, *front_end.shape)
    assert given_to_model.dtype == np.float32
    assert np.isfinite(given_to_model).all()
    if not front_end.statistics:
        assert front_end.shape == (front_end.frames, front_end.columns)


@given(configurations())
def test_measuring_and_composing_is_the_input(front_end: FrontEnd) -> None:
    """Training composes what was measured before, and has measured more than one front end needs."""
    sound = np.random.default_rng(1).uniform(-1, 1, (2, front_end.window_samples)).astype(np.float32)
    everything = replace(front_end, features=("mel", "chroma", "zcr")).measure(sound)
    assert np.allclose(front_end.compose(everything), front_end(sound), atol=1e-5)


@pytest.mark.parametrize(
    "names", [(), ("pitch",), ("mel", "mfcc"), ("mel", "mel"), ("MFCC",), ("zcr", "mfcc", "mel", "chroma")]
)
def test_features_that_there_are_not_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name some of"):
        FrontEnd(features=names)


def test_more_coefficients_than_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="n_mfcc is 40, more than the 26 of n_mels"):
        FrontEnd(features=("mfcc",), n_mels=26)
    assert FrontEnd(features=("mel",), n_mels=26).columns == 26


def test_batch_is_computed_as_its_members_are(speech: Floats) -> None:
    batch = speech[: 6 * 16_000].reshape(2, 3, -1)
    for function in (features.log_mel, features.mfcc, features.chroma):
        together = function(batch, 16_000)
        assert np.allclose(together[1, 2], function(batch[1, 2], 16_000), atol=1e-4)


@kinds
def test_window_in_a_batch_is_computed_as_alone(front_end: FrontEnd, speech: Floats) -> None:
    batch = speech[: 3 * 48_000].reshape(3, -1)
    for together, window in zip(front_end(batch), batch, strict=True):
        assert np.allclose(together, front_end(window[None])[0], atol=1e-3)


@kinds
@hypothesis_settings(max_examples=8)
@given(gain=st.floats(1e-3, 1.0), seed=st.integers(0, 2**32 - 1))
def test_model_input_does_not_depend_on_the_level(front_end: FrontEnd, gain: float, seed: int) -> None:
    window = np.random.default_rng(seed).uniform(-1, 1, (1, front_end.window_samples)).astype(np.float32)
    quieter = front_end(window * np.float32(gain))
    assert np.abs(quieter - front_end(window)).max() < 0.01


@kinds
@pytest.mark.parametrize("gain", [0.03, 0.5])
def test_model_input_does_not_depend_on_the_level_of_speech(front_end: FrontEnd, gain: float, speech: Floats) -> None:
    window = speech[None, :48_000] / np.abs(speech).max()
    assert np.abs(front_end(window * np.float32(gain)) - front_end(window)).max() < 0.05


@kinds
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_silence_and_full_scale_give_finite_input(front_end: FrontEnd, level: float) -> None:
    values = front_end(np.full((2, front_end.window_samples), level, dtype=np.float32))
    assert values.shape == (2, *front_end.shape)
    assert np.isfinite(values).all()


def test_mel_bands_lie_between_the_peak_and_the_dynamic_range() -> None:
    front_end = FrontEnd(dynamic_range_db=60.0)
    sound = np.random.default_rng(0).uniform(-1, 1, (2, 48_000)).astype(np.float32)
    sound[:, 20_000:] = 0
    values = front_end(sound)
    assert (values.min(axis=(1, 2)) == -60).all()
    assert (values.max(axis=(1, 2)) == 0).all()


def test_power_spectrogram_in_chunks_is_the_whole(monkeypatch: pytest.MonkeyPatch, speech: Floats) -> None:
    whole = features.power_spectrogram(speech, n_fft=1024, hop_length=512)
    monkeypatch.setattr(features, "_CHUNK_FRAMES", 7)
    assert np.array_equal(features.power_spectrogram(speech, n_fft=1024, hop_length=512), whole)
