"""What is computed of a corpus, what is kept of it, and which files stop it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from service.audio.features import CHROMA, FrontEnd
from service.audio.segments import equal_pieces, windows
from service.audio.vad import Region
from tests.training.made_up import FRONT_ENDS
from training import features
from training.channel import telephone
from training.datasets import Clip, Corpus, CorpusError
from training.features import BANDS, VARIANTS, Features, columns_of, load_features, prepare

SMALL = FrontEnd(n_mels=26)


def corpus_of(*paths: Path) -> Corpus:
    return Corpus("test", ("a",), tuple(Clip(path.name, path, "a", path.name) for path in paths), ())


def tone(path: Path, seconds: float = 0.5, pitch: float = 220.0, channels: int = 1) -> Path:
    """A swept tone with overtones."""
    time = np.arange(int(16_000 * seconds)) / 16_000
    wave = sum(np.sin(2 * np.pi * partial * (pitch * time + 40 * time**2)) / partial for partial in range(1, 8))
    samples = (6000 * wave).astype(np.int16)
    wavfile.write(path, 16_000, np.stack([samples] * channels, axis=1))
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("tones")
    return corpus_of(tone(folder / "long.wav", 3.5), tone(folder / "short.wav", pitch=300))


@pytest.fixture(scope="module")
def cache(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what is needed for all front ends that are made of 26 mel bands."""
    folder = tmp_path_factory.mktemp("cache")
    prepare(corpus, [SMALL], folder, workers=1, seed=0)
    return folder


@pytest.fixture
def nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_attempt", None)


def arrays(found: Features) -> list[bytes]:
    every: Sequence[np.ndarray] = [*found.frames, found.starts, *found.windows.values(), found.owner]
    return [np.asarray(array).tobytes() for array in every]


def test_every_clip_has_frames_in_every_variant_and_windows_in_every_band(tiny_features: Features) -> None:
    assert len(tiny_features.frames) == len(VARIANTS)
    assert (np.diff(tiny_features.starts, axis=1) > 5).all()
    assert [frames.shape for frames in tiny_features.frames] == [
        (starts[-1], FrontEnd().n_mels + CHROMA + 1) for starts in tiny_features.starts
    ]
    assert tiny_features.owner.tolist() == list(range(150))
    for band in BANDS:
        assert tiny_features.windows[band].shape == (150, FrontEnd().frames, FrontEnd().n_mels + CHROMA + 1)


def test_windows_are_those_that_the_service_cuts(corpus: Corpus, cache: Path) -> None:
    found = load_features(corpus, SMALL, cache, workers=1, seed=0)
    assert found.owner.tolist() == [0, 0, 1]


@pytest.mark.parametrize("kind", FRONT_ENDS)
@pytest.mark.usefixtures("nothing_is_computed")
def test_inputs_are_what_the_front_end_says_of_the_windows(kind: str, corpus: Corpus, cache: Path) -> None:
    """But for the rounding of what is kept, to a 16th of a decibel."""
    front_end = FRONT_ENDS[kind]
    found = load_features(corpus, front_end, cache, workers=1, seed=0)
    # Statistics are sharper: one frame more or less that counts as active moves them.
    tolerance = 0.15 if "statistics" in kind else 0.1
    if set(front_end.features) <= {"chroma", "zcr"}:
        tolerance /= 100
    for band in BANDS:
        for index, clip in enumerate(corpus.clips):
            samples, _ = features.read_clip(clip.path)
            speech = samples[features.active_span(samples)]
            heard = telephone(speech) if band == "telephone" else speech
            expected = front_end(windows(heard, equal_pieces(Region(0, len(heard)))))
            given = found.inputs(band, np.flatnonzero(found.owner == index), front_end)
            assert given.shape == expected.shape
            assert np.abs(given - expected).max() < tolerance


def test_telephone_holds_nothing_above_the_line(tiny_features: Features) -> None:
    every = np.arange(150)
    wide, narrow = (tiny_features.inputs(band, every, FrontEnd())[:, :, 56:] for band in BANDS)  # above 5 kHz
    assert narrow.mean() < wide.mean() - 5
    for variant, frames in zip(VARIANTS, tiny_features.frames, strict=True):
        gap = frames[:, 56:64].astype(float).mean() - frames[:, 20:40].astype(float).mean()
        assert (gap < -40) == variant.startswith("telephone"), variant


def test_variants_change_the_pace_and_nothing_else_does(tiny_features: Features) -> None:
    lengths = dict(zip(VARIANTS, np.diff(tiny_features.starts, axis=1), strict=True))
    for variant, frames in lengths.items():
        changes = "tempo" in variant or "speed" in variant
        assert (frames != lengths["wideband"]).any() == changes
        assert (np.abs(frames / lengths["wideband"] - 1) < 0.35).all()


def test_near_copy_is_found_and_noted(tiny_features: Features) -> None:
    assert tiny_features.recordings.count("000003-05-1") == 2
    assert any("000003-05-2: the same recording as 000003-05-1" in note for note in tiny_features.notes)
    assert len(set(tiny_features.recordings)) == 149


@pytest.mark.usefixtures("nothing_is_computed")
def test_what_was_computed_once_is_read(corpus: Corpus, cache: Path) -> None:
    first, second = (load_features(corpus, SMALL, cache, workers=1, seed=0) for _ in range(2))
    assert arrays(first) == arrays(second)


@pytest.mark.usefixtures("nothing_is_computed")
def test_one_cache_serves_all_features_made_of_the_same_frames(corpus: Corpus, cache: Path) -> None:
    for front_end in FRONT_ENDS.values():
        prepare(corpus, [front_end, replace(front_end, n_mfcc=5)], cache, workers=1, seed=0)
    assert len(list(cache.iterdir())) == 1


def test_several_front_ends_in_one_pass_are_each_as_they_are_alone(
    corpus: Corpus, cache: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    front_ends = [SMALL, FrontEnd(n_mels=40), FrontEnd(n_mels=26, hop_length=277), FrontEnd(n_fft=512)]
    prepare(corpus, front_ends, tmp_path, workers=2, seed=0)
    assert capfd.readouterr().err.rsplit("\r", 1)[-1].startswith("test: features: 100%")
    assert len(list(tmp_path.iterdir())) == 4
    alone = load_features(corpus, SMALL, cache, workers=1, seed=0)
    together = load_features(corpus, SMALL, tmp_path, workers=1, seed=0)
    assert arrays(alone) == arrays(together)
    for front_end in front_ends:
        found = load_features(corpus, front_end, tmp_path, workers=1, seed=0)
        assert found.inputs("wideband", found.owner, front_end).shape == (3, *front_end.shape)


def test_only_what_is_missing_is_computed(corpus: Corpus, tmp_path: Path) -> None:
    prepare(corpus, [SMALL], tmp_path, workers=1, seed=0)
    (there,) = tmp_path.iterdir()
    before = {path: path.stat().st_mtime_ns for path in there.iterdir()}
    prepare(corpus, [SMALL, FrontEnd(n_mels=40)], tmp_path, workers=1, seed=0)
    assert {path: path.stat().st_mtime_ns for path in there.iterdir()} == before
    assert len(list(tmp_path.iterdir())) == 2


def test_cache_of_other_sounds_or_of_older_code_is_not_read(
    corpus: Corpus, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would have to be computed."""
    monkeypatch.setattr(features, "_attempt", None)
    other_bytes = replace(corpus, clips=(corpus.clips[0], replace(corpus.clips[1], path=corpus.clips[0].path)))
    with pytest.raises(TypeError):
        prepare(other_bytes, [SMALL], cache, workers=1, seed=0)
    with pytest.raises(TypeError):
        prepare(corpus, [SMALL], cache, workers=1, seed=1)
    monkeypatch.setattr(features, "REVISION", features.REVISION + 1)
    with pytest.raises(TypeError):
        prepare(corpus, [SMALL], cache, workers=1, seed=0)


def test_interrupted_cache_is_computed_again(corpus: Corpus, tmp_path: Path) -> None:
    first = arrays(load_features(corpus, SMALL, tmp_path, workers=1, seed=0))
    (folder,) = tmp_path.iterdir()
    (folder / "description.json").unlink()
    (folder / "owner.npy").write_bytes(b"")
    assert arrays(load_features(corpus, SMALL, tmp_path, workers=1, seed=0)) == first


def test_cache_names_no_folder_of_this_machine(corpus: Corpus, cache: Path) -> None:
    (description,) = cache.glob("*/description.json")
    assert set(json.loads(description.read_text())) == {"recordings", "notes"}
    assert str(corpus.clips[0].path.parent) not in description.read_text()


def test_every_unusable_file_is_named(tmp_path: Path) -> None:
    cut = tone(tmp_path / "cut.wav")
    cut.write_bytes(cut.read_bytes()[:-8000])
    empty = tmp_path / "empty.wav"
    empty.touch()
    text = tmp_path / "text.wav"
    text.write_text("no sound in here")
    broken = corpus_of(cut, empty, tone(tmp_path / "good.wav"), text)
    with pytest.raises(CorpusError) as caught:
        load_features(broken, SMALL, tmp_path / "cache", workers=1, seed=0)
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [str(cut), str(empty), str(text)]
    assert "truncated: 0.25 s of the 0.50 s" in caught.value.problems[0]
    assert not (tmp_path / "cache").exists()


def test_truncated_mp3_is_named(shared: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp3"
    whole = (shared / "data/emogator/000002-05-1.mp3").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"truncated|damaged"):
        features.read_clip(cut)


def test_stereo_file_is_averaged_and_noted(tmp_path: Path) -> None:
    corpus = corpus_of(tone(tmp_path / "mono.wav"), tone(tmp_path / "wide.wav", pitch=300, channels=2))
    notes = load_features(corpus, SMALL, tmp_path / "cache", workers=1, seed=0).notes
    assert notes == ("1 stereo files, their channels averaged: wide.wav",)


def test_copies_of_a_recording_differ_by_little_and_takes_by_much() -> None:
    rng = np.random.default_rng(0)
    take, other, longer = (rng.uniform(-60, 0, (frames, 26)).astype(np.float16) for frames in (50, 50, 51))
    near = (take + 0.2).astype(np.float16)
    assert features.same_recordings([other, take, longer, near, take + np.float16(3)]) == [0, 1, 2, 1, 4]


def test_columns_lie_side_by_side() -> None:
    assert columns_of(SMALL) == {"mel": slice(0, 26), "chroma": slice(26, 38), "zcr": slice(38, 39)}


def test_active_span_leaves_silence_out() -> None:
    samples = np.zeros(48_000, dtype=np.float32)
    samples[16_000:32_000] = 0.5
    span = features.active_span(samples)
    assert span == slice(16_000 - 800, 32_000 + 800)
    assert features.active_span(np.zeros(1000, dtype=np.float32)) == slice(0, 1000)
