"""What a reader makes of a corpus folder, and what it says about one that is not as it should be."""

from pathlib import Path

import pytest

from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from training.datasets import CorpusError, read_emogator, read_ravdess
from training.datasets.ravdess import ACTOR_FOLDS, expected_keys


@pytest.fixture
def ravdess(tmp_path: Path) -> Path:
    """The official layout; readers look at names, the files may be empty."""
    for key in expected_keys():
        folder = tmp_path / f"Actor_{key[-2:]}"
        folder.mkdir(exist_ok=True)
        (folder / f"{key}.wav").touch()
    return tmp_path


@pytest.fixture
def emogator(tmp_path: Path) -> Path:
    for contributor in (1, 2, 357):
        for category in (5, 11, 16, 20, 26):
            for repetition in (1, 2, 3):
                (tmp_path / f"{contributor:06}-{category:02}-{repetition}.mp3").touch()
    return tmp_path


def test_ravdess_has_sixty_clips_of_each_actor(ravdess: Path) -> None:
    corpus = read_ravdess(ravdess)
    assert len(corpus.clips) == 1440
    counts = {label: sum(clip.label == label for clip in corpus.clips) for label in SPEECH_EMOTIONS}
    assert counts == {label: 96 if label == "neutral" else 192 for label in SPEECH_EMOTIONS}
    assert len({clip.speaker for clip in corpus.clips}) == 24
    assert sorted(actor for fold in ACTOR_FOLDS for actor in fold) == list(range(1, 25))


def test_ravdess_names_say_the_emotion(ravdess: Path) -> None:
    labels = {clip.key: clip.label for clip in read_ravdess(ravdess).clips}
    assert labels["03-01-05-02-01-02-24"] == "angry"
    assert labels["03-01-08-01-02-01-03"] == "surprised"


def test_missing_file_is_named(ravdess: Path) -> None:
    (ravdess / "Actor_07/03-01-06-02-01-01-07.wav").unlink()
    with pytest.raises(CorpusError, match="03-01-06-02-01-01-07: missing"):
        read_ravdess(ravdess)


@pytest.mark.parametrize(
    "name", ["03-01-09-01-01-01-01.wav", "03-01-01-02-01-01-01.wav", "angry-01.wav", "02-01-05-01-01-01-01.wav"]
)
def test_wrongly_named_file_is_named(ravdess: Path, name: str) -> None:
    (ravdess / "Actor_01" / name).touch()
    with pytest.raises(CorpusError, match=f"{name}: the name does not follow"):
        read_ravdess(ravdess)


def test_file_in_another_actors_folder_is_named(ravdess: Path) -> None:
    (ravdess / "Actor_01/03-01-05-01-01-01-01.wav").rename(ravdess / "Actor_02/03-01-05-01-01-01-01.wav")
    with pytest.raises(CorpusError, match="the name says actor 01, the folder Actor_02"):
        read_ravdess(ravdess)


def test_clip_that_is_there_twice_is_named(ravdess: Path) -> None:
    (ravdess / "Actor_03/03-01-05-01-01-01-03.flac").touch()
    with pytest.raises(CorpusError, match=r"03-01-05-01-01-01-03\.wav: the same clip as .*03-01-05-01-01-01-03\.flac"):
        read_ravdess(ravdess)


def test_other_files_are_noted(ravdess: Path) -> None:
    (ravdess / "LICENSE.txt").touch()
    assert read_ravdess(ravdess).notes == ("LICENSE.txt: not an audio file, left out",)


def test_missing_folder_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not a folder; name the one"):
        read_ravdess(tmp_path / "nowhere")


def test_every_problem_is_listed_up_to_fifty(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as caught:
        read_ravdess(tmp_path)
    assert len(caught.value.problems) == 1440
    assert "and 1390 more" in str(caught.value)


def test_emogator_reads_five_categories(emogator: Path) -> None:
    (emogator / "000001-01-1.mp3").touch()
    corpus = read_emogator(emogator)
    assert len(corpus.clips) == 45
    assert corpus.labels == VOCAL_BURST_EMOTIONS
    assert corpus.notes == ("1 clips of other categories, left out",)
    assert {clip.label for clip in corpus.clips if "-11-" in clip.key} == {"nervousness"}
    assert {clip.speaker for clip in corpus.clips} == {"contributor-000001", "contributor-000002", "contributor-000357"}


def test_emogator_missing_repetition_is_named(emogator: Path) -> None:
    (emogator / "000002-16-3.mp3").unlink()
    with pytest.raises(CorpusError, match="000002-16-3: missing"):
        read_emogator(emogator)


@pytest.mark.parametrize("name", ["000001-31-1.mp3", "1-05-1.mp3", "000001-05-4.mp3"])
def test_emogator_wrong_name_is_named(emogator: Path, name: str) -> None:
    (emogator / name).touch()
    with pytest.raises(CorpusError, match=f"{name}: the name does not follow"):
        read_emogator(emogator)


def test_emogator_folder_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no clip of the categories"):
        read_emogator(tmp_path)


def test_real_corpora_are_complete(shared: Path) -> None:
    assert len(read_ravdess(shared / "data/ravdess").clips) == 1440
    emogator = read_emogator(shared / "data/emogator")
    assert len(emogator.clips) == 5355
    assert len({clip.speaker for clip in emogator.clips}) == 357


def test_fingerprint_follows_names_and_bytes(emogator: Path) -> None:
    before = read_emogator(emogator).fingerprint()
    assert read_emogator(emogator).fingerprint() == before
    (emogator / "000001-05-1.mp3").write_bytes(b"another take")
    assert read_emogator(emogator).fingerprint() != before
