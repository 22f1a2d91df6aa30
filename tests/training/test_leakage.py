"""What each protocol lets a model hear twice, and that only this demonstration can do the worst of them."""

import ast
import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import training
from service.emotions import VOCAL_BURST_EMOTIONS
from tests.training.made_up import features_of
from training.configuration import shipped
from training.datasets import Clip, Corpus
from training.features import VARIANTS
from training.leakage import APART, COPIES, LEAKY, RANDOM, add_arguments, measure, page, run
from training.loaded import Loaded
from training.splits import LeakageError, Split

SPEAKERS, REPETITIONS = 10, 4

Spectrum = Callable[[int, int, int], np.ndarray]


def corpus_of(spectrum: Spectrum, folder: Path) -> Loaded:
    """Clips whose frames are all ``spectrum(speaker, label, repetition)``, and whose copies differ from them by a
    little noise."""
    configuration = shipped("emogator_rf_mfcc")
    rng = np.random.default_rng(0)
    file = folder / "clip.wav"
    file.write_bytes(b"the figures are made of features")
    clips, frames = [], []
    for speaker in range(SPEAKERS):
        for number, label in enumerate(VOCAL_BURST_EMOTIONS):
            for repetition in range(REPETITIONS):
                clips.append(Clip(f"{speaker}-{number}-{repetition}", file, label, f"speaker-{speaker}"))
                columns = np.zeros((20, configuration.front_end.n_mels + 13))
                columns[:, : configuration.front_end.n_mels] = spectrum(speaker, number, repetition)
                frames.append(columns)
    copies = [[clip + rng.normal(0, 0.3, clip.shape) for clip in frames] for _ in VARIANTS]
    corpus = Corpus("EmoGator", VOCAL_BURST_EMOTIONS, tuple(clips), ())
    return Loaded(configuration, corpus, features_of(copies, configuration.front_end))


def drawn(*key: int) -> np.ndarray:
    return np.random.default_rng(key).normal(-20, 5, shipped("emogator_rf_mfcc").front_end.n_mels)


@pytest.fixture(scope="module")
def meaningless(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Every clip another sound: its label cannot be known."""
    return measure(corpus_of(drawn, tmp_path_factory.mktemp("meaningless")))


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Every speaker sounds an emotion in a way that nobody else does."""

    def own_way(speaker: int, label: int, repetition: int) -> np.ndarray:
        return drawn(speaker, label) + 0.1 * drawn(speaker, label, repetition)

    return measure(corpus_of(own_way, tmp_path_factory.mktemp("personal")))


def accuracies(document: dict) -> list[float]:
    return [document["protocols"][name]["accuracy"] for name in (APART, RANDOM, LEAKY)]


def test_only_augmentation_before_the_split_learns_what_cannot_be_known(meaningless: dict) -> None:
    apart, random, leaky = accuracies(meaningless)
    assert apart < 0.4
    assert random < 0.4
    assert leaky > 0.9


def test_random_split_learns_what_holds_for_no_stranger(personal: dict) -> None:
    apart, random, leaky = accuracies(personal)
    assert apart < 0.4
    assert random > 0.9
    assert leaky > 0.9


def test_protocols_differ_in_what_was_heard_before(personal: dict) -> None:
    heard = {name: figures["heard_before"] for name, figures in personal["protocols"].items()}
    assert heard[APART] == {"speaker": 0, "recording": 0}
    assert heard[RANDOM] == {"speaker": 1, "recording": 0}
    assert heard[LEAKY]["speaker"] == 1
    assert heard[LEAKY]["recording"] > 0.9


def test_all_protocols_are_scored_on_the_same_clips(personal: dict) -> None:
    for figures in personal["protocols"].values():
        assert (figures["clips"], figures["speakers"]) == (SPEAKERS * REPETITIONS * 5, SPEAKERS)
        assert np.sum(figures["confusion"], axis=1).tolist() == [SPEAKERS * REPETITIONS] * 5


def test_split_refuses_copies_of_a_recording_on_two_sides() -> None:
    copies = np.arange(12)
    recordings = [f"recording-{copy // len(COPIES)}" for copy in copies]
    with pytest.raises(LeakageError, match="train and test share recording-1"):
        Split("leaky", copies[:5], copies[:0], copies[5:], recordings)


def test_refusal_that_the_page_quotes_names_recordings_on_two_sides(personal: dict) -> None:
    assert personal["refusal"].startswith(f"{LEAKY}: train and test share clip-")
    assert f"> {personal['refusal']}\n" in page(personal)


def test_nothing_but_the_command_line_reaches_the_leak() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in Path(training.__file__).parent.rglob("*.py")}
    assert {path.name for path, source in sources.items() if "model_selection" in source} == {"leakage.py"}
    importing = {
        path.name
        for path, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        if "leakage" in f"{getattr(node, 'module', '')} {' '.join(alias.name for alias in node.names)}"
    }
    assert importing == {"__main__.py"}


def test_page_shows_the_figures_in_the_order_of_what_leaks(personal: dict) -> None:
    rows = [line for line in page(personal).splitlines() if line.startswith("| ")][2:]
    apart, random, leaky = (f"**{100 * accuracy:.1f} %**" for accuracy in accuracies(personal))
    assert rows[0].startswith(f"| {APART} | {apart} (")
    assert rows[0].endswith("| 0 % | 0 % |")
    assert rows[1].startswith(f"| {RANDOM} | {random} (")
    assert rows[1].endswith("| 100 % | 0 % |")
    assert rows[2].startswith(f"| {LEAKY} | {leaky} (")


def options(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_measures_a_corpus_and_remakes_its_page(tiny_emogator: Path, tmp_path: Path) -> None:
    (tmp_path / "emogator").mkdir()
    for path in tiny_emogator.glob("00000[1-5]-*.wav"):
        (tmp_path / "emogator" / path.name).symlink_to(path)
    out = tmp_path / "reports"
    places = ("--runs", str(tmp_path / "runs"), "--out", str(out))
    run(options("--data", str(tmp_path), "--corpus", "emogator", "--workers", "1", *places))
    document = json.loads((out / "leakage.json").read_text(encoding="utf-8"))
    assert document["protocols"][APART]["clips"] == 75
    # The pair that is one recording stands on one side of the protocols that keep recordings together.
    assert document["protocols"][RANDOM]["heard_before"]["recording"] == 0
    written = (out / "leakage.md").read_text(encoding="utf-8")
    assert written == page(document)
    (out / "leakage.md").unlink()
    run(options("--report", *places))
    assert (out / "leakage.md").read_text(encoding="utf-8") == written
