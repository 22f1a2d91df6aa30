"""What is computed of a corpus, and which files stop it."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from service.audio.features import FrontEnd
from training import features
from training.datasets import Clip, Corpus, CorpusError
from training.features import VARIANTS, Features, load_features


def corpus_of(*paths: Path) -> Corpus:
    return Corpus("test", ("a",), tuple(Clip(path.name, path, "a", path.name) for path in paths), ())


def tone(path: Path, seconds: float = 0.5, pitch: float = 220.0, channels: int = 1) -> Path:
    wave = (8000 * np.sin(2 * np.pi * pitch * np.arange(int(16_000 * seconds)) / 16_000)).astype(np.int16)
    wavfile.write(path, 16_000, np.stack([wave] * channels, axis=1))
    return path


def test_every_clip_has_frames_in_every_variant_and_windows_in_every_band(tiny_features: Features) -> None:
    assert len(tiny_features.frames) == len(VARIANTS)
    assert (np.diff(tiny_features.starts, axis=1) > 5).all()
    assert set(tiny_features.owner) == set(range(150))
    for windows in tiny_features.windows.values():
        assert windows.shape[1:] == (FrontEnd().frames, FrontEnd().n_mels)
        assert windows.max() == 0


def test_telephone_windows_hold_nothing_above_the_line(tiny_features: Features) -> None:
    upper = slice(56, None)  # mel bands above 5 kHz
    assert (
        tiny_features.windows["telephone"][:, :, upper].mean()
        < tiny_features.windows["wideband"][:, :, upper].mean() - 5
    )


def test_near_copy_is_found_and_noted(tiny_features: Features) -> None:
    assert tiny_features.recordings.count("000003-05-1") == 2
    assert any("000003-05-2: the same recording as 000003-05-1" in note for note in tiny_features.notes)
    assert len(set(tiny_features.recordings)) == 149


def test_second_load_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of(tone(tmp_path / "one.wav"), tone(tmp_path / "two.wav", pitch=300))
    first = load_features(corpus, FrontEnd(), tmp_path / "cache", workers=1, seed=0)
    monkeypatch.setattr(features, "_compute", None)
    second = load_features(corpus, FrontEnd(), tmp_path / "cache", workers=1, seed=0)
    assert np.array_equal(first.frames[3], second.frames[3])


def test_interrupted_cache_is_computed_again(tmp_path: Path) -> None:
    corpus = corpus_of(tone(tmp_path / "one.wav"))
    load_features(corpus, FrontEnd(), tmp_path / "cache", workers=1, seed=0)
    (folder,) = (tmp_path / "cache").iterdir()
    (folder / "notes.json").unlink()
    (folder / "owner.npy").write_bytes(b"")
    assert list(load_features(corpus, FrontEnd(), tmp_path / "cache", workers=1, seed=0).owner) == [0]


def test_every_unusable_file_is_named(tmp_path: Path) -> None:
    cut = tone(tmp_path / "cut.wav")
    cut.write_bytes(cut.read_bytes()[:-8000])
    empty = tmp_path / "empty.wav"
    empty.touch()
    text = tmp_path / "text.wav"
    text.write_text("no sound in here")
    with pytest.raises(CorpusError) as caught:
        load_features(corpus_of(cut, empty, tone(tmp_path / "good.wav"), text), FrontEnd(), tmp_path, workers=1, seed=0)
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [str(cut), str(empty), str(text)]
    assert "truncated: 0.25 s of the 0.50 s" in caught.value.problems[0]


def test_truncated_mp3_is_named(shared: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp3"
    whole = (shared / "data/emogator/000002-05-1.mp3").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"truncated|damaged"):
        features.read_clip(cut)


def test_stereo_file_is_averaged_and_noted(tmp_path: Path) -> None:
    corpus = corpus_of(tone(tmp_path / "mono.wav"), tone(tmp_path / "wide.wav", pitch=300, channels=2))
    notes = load_features(corpus, FrontEnd(), tmp_path / "cache", workers=1, seed=0).notes
    assert notes == ("1 stereo files, their channels averaged: wide.wav",)


def test_active_span_leaves_silence_out() -> None:
    samples = np.zeros(48_000, dtype=np.float32)
    samples[16_000:32_000] = 0.5
    span = features.active_span(samples)
    assert span == slice(16_000 - 800, 32_000 + 800)
    assert features.active_span(np.zeros(1000, dtype=np.float32)) == slice(0, 1000)
