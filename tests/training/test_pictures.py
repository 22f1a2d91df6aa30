"""The command that draws the paper's Figures 3 and 4."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from training import pictures
from training.datasets import CorpusError


@pytest.fixture
def data(tiny_emogator: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "emogator").symlink_to(tiny_emogator)
    return folder


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., list[str]]:
    """Runs the command and gives the names of what it wrote."""

    def run(*arguments: object) -> list[str]:
        parser = argparse.ArgumentParser()
        pictures.add_arguments(parser)
        out = tmp_path / "out"
        pictures.run(parser.parse_args([*map(str, arguments), "--out", str(out)]))
        return sorted(path.name for path in out.iterdir())

    return run


def test_each_corpus_gets_its_two_pictures(
    data: Path, draw: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    written = draw("--data", data, "--corpus", "emogator")
    assert written == ["emogator_changes.png", "emogator_features.png"]
    told = capsys.readouterr().out.splitlines()
    assert sorted(Path(line).name for line in told) == written


def test_other_clips_make_another_picture(data: Path, draw: Callable[..., list[str]], tmp_path: Path) -> None:
    made = []
    for key in ("000002-05-1", "000003-26-2"):
        draw("--data", data, "--corpus", "emogator", "--clips", key)
        made.append([path.read_bytes() for path in sorted((tmp_path / "out").iterdir())])
    assert all(one != other for one, other in zip(*made, strict=True))


def test_an_unknown_clip_is_named(data: Path, draw: Callable[..., list[str]]) -> None:
    with pytest.raises(SystemExit, match="in none of emogator: 999999-05-1"):
        draw("--data", data, "--corpus", "emogator", "--clips", "000002-05-1", "999999-05-1")


def test_a_corpus_that_is_not_there_is_named(data: Path, draw: Callable[..., list[str]]) -> None:
    with pytest.raises(CorpusError, match="ravdess is not a folder"):
        draw("--data", data)


def test_the_clips_of_ravdess_are_one_speaker_and_one_sentence(shared: Path, draw: Callable[..., list[str]]) -> None:
    keys = pictures.SOURCES["ravdess"].clips
    assert len({key.split("-")[2] for key in keys}) == 4
    assert len({key.split("-", 3)[3] for key in keys}) == 1
    written = draw("--data", shared / "data", "--corpus", "ravdess")
    assert written == ["ravdess_changes.png", "ravdess_features.png"]
