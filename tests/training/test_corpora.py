"""A model on corpora that it was not made from: what is scored, how, and what the report says of it."""

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from service.audio.segments import WINDOW
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import ArtefactError
from training.corpora import READERS, add_arguments, measure, page, run
from training.datasets import CorpusError, read_savee
from training.datasets.labels import SAVEE, classes
from training.datasets.savee import expected_keys

RATE = 16_000
MODELS = ("speech_encoder", "speech_emotion")
PITCHES = {label: 300 * (number + 1) for number, label in enumerate(classes(SAVEE))}


def tone(label: str, seconds: float) -> np.ndarray:
    """Half a pitch of the label's own, half one that no telephone passes on."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (8000 * (np.sin(2 * np.pi * PITCHES[label] * time) + np.sin(2 * np.pi * 6000 * time))).astype(np.int16)


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SAVEE's layout, two of its speakers, a pitch for each emotion; the first angry clip lasts four seconds."""
    folder = tmp_path_factory.mktemp("savee")
    for speaker in ("DC", "JE"):
        for key in expected_keys(speaker):
            seconds = 4.0 if key == "DC_a01" else 0.1
            wavfile.write(folder / f"{key}.wav", RATE, tone(SAVEE[key[3:-2]], seconds))
    return folder


@pytest.fixture
def folder(corpus_folder: Path, tmp_path: Path) -> Path:
    """The corpus in a folder of the test's own."""
    return shutil.copytree(corpus_folder, tmp_path / "savee")


class Listener:
    """A model that knows the pitches, and gives ``doubt`` to calm."""

    name = "listener"

    def __init__(self, labels: tuple[str, ...] = SPEECH_EMOTIONS, doubt: float = 0.0, needs_treble: bool = False):
        self.labels = labels
        self.doubt = doubt
        self.needs_treble = needs_treble
        self.heard: list[tuple[int, ...]] = []

    def scores(self, windows: np.ndarray) -> np.ndarray:
        self.heard.append(windows.shape)
        power = np.square(np.abs(np.fft.rfft(windows)))
        scores = np.zeros((len(windows), len(self.labels)), np.float32)
        bins = [round(pitch * windows.shape[1] / RATE) for pitch in PITCHES.values()]
        treble = power[:, round(6000 * windows.shape[1] / RATE)]
        for row, spectrum, high in zip(scores, power, treble, strict=True):
            known = list(PITCHES)[int(np.argmax(spectrum[bins]))]
            if self.needs_treble and high < 0.1 * spectrum.max():
                known = "neutral"
            if known in self.labels:
                row[self.labels.index(known)] = 1 - self.doubt
            if "calm" in self.labels:
                row[self.labels.index("calm")] += self.doubt
        return scores


def test_clips_of_both_bands_are_scored(corpus_folder: Path) -> None:
    result = measure(Listener(), read_savee(corpus_folder), workers=1)
    assert result["corpus"] == "SAVEE"
    for band in ("wideband", "telephone"):
        figures = result["bands"][band]
        assert (figures["clips"], figures["speakers"], figures["uar"]) == (240, 2, 1.0)
        assert np.diag(figures["confusion"]).tolist() == [60, 30, 30, 30, 30, 30, 30]


def test_telephone_band_is_what_a_telephone_passes_on(corpus_folder: Path) -> None:
    bands = measure(Listener(needs_treble=True), read_savee(corpus_folder), workers=1)["bands"]
    assert bands["wideband"]["accuracy"] == 1.0
    assert bands["telephone"]["recall"] == {label: float(label == "neutral") for label in PITCHES}


def test_classes_that_the_corpus_lacks_are_left_out_of_the_answer(corpus_folder: Path) -> None:
    """Calm is always the likeliest, and never the answer; what is left is certain."""
    result = measure(Listener(doubt=0.9), read_savee(corpus_folder), workers=1)
    assert "calm" not in result["classes"]
    assert result["bands"]["wideband"]["accuracy"] == 1.0
    assert result["bands"]["wideband"]["calibration_error"] == 0.0


def test_clips_of_classes_that_the_model_lacks_are_left_out(corpus_folder: Path) -> None:
    result = measure(Listener(("calm", "sad", "angry")), read_savee(corpus_folder), workers=1)
    assert result["classes"] == ("sad", "angry")
    assert result["clips_left_out"] == 240 - 60
    assert result["bands"]["wideband"]["clips"] == 60


def test_model_without_a_class_of_the_corpus_is_refused(corpus_folder: Path) -> None:
    with pytest.raises(ArtefactError, match=r"listener tells confusion, .*; SAVEE has none of them"):
        measure(Listener(VOCAL_BURST_EMOTIONS), read_savee(corpus_folder), workers=1)


def test_clip_longer_than_a_window_is_cut_into_pieces(corpus_folder: Path) -> None:
    model = Listener()
    measure(model, read_savee(corpus_folder), workers=1)
    assert model.heard[:2] == [(2, WINDOW)] * 2  # DC_a01 in both bands
    assert set(model.heard[2:]) == {(1, WINDOW)}


def test_workers_change_nothing(corpus_folder: Path) -> None:
    corpus = read_savee(corpus_folder)
    assert measure(Listener(), corpus, workers=3) == measure(Listener(), corpus, workers=1)


def test_every_damaged_file_is_named(folder: Path) -> None:
    (folder / "DC_n01.wav").write_bytes(b"not a sound")
    (folder / "JE_su15.wav").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"DC_n01\.wav(.|\n)*JE_su15\.wav") as caught:
        measure(Listener(), read_savee(folder), workers=1)
    assert len(caught.value.problems) == 2


def options(*arguments: str):
    parser = ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_writes_figures_and_page(folder: Path, models_dir: Path, tmp_path: Path) -> None:
    for path in folder.glob("JE_*"):
        path.unlink()
    out = tmp_path / "reports"
    run(options("--savee", str(folder), "--out", str(out), "--models", *(str(models_dir / name) for name in MODELS)))
    document = json.loads((out / "corpora.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in document["models"]] == list(MODELS)
    assert [model["trained_on"] for model in document["models"]] == [["RAVDESS", "CREMA-D"], ["RAVDESS"]]
    for model in document["models"]:
        (result,) = model["corpora"]
        assert result["classes"] == list(PITCHES)
        assert np.sum(result["bands"]["telephone"]["confusion"]) == 120
    assert (out / "corpora.md").read_text(encoding="utf-8") == page(document)


@pytest.fixture(scope="module")
def document(corpus_folder: Path) -> dict:
    model = {"name": "listener", "version": "1.0.0", "sha256": "0" * 64, "trained_on": ["RAVDESS"]}
    results = [measure(Listener(("sad", "angry")), read_savee(corpus_folder), workers=1)]
    return {"models": [{**model, "corpora": results}], "commit": "unknown", "libraries": {"numpy": "2.4.6"}}


def test_page_says_what_was_scored(document: dict) -> None:
    text = page(document)
    right = "**100.0 %** (100.0 to 100.0)"
    assert f"| listener | SAVEE | 2 | 50.0 % | 60 | 2 | wideband | {right} | {right} |" in text
    assert "| listener | SAVEE | telephone | 100 % | 100 % |" in text
    assert "180 clips of SAVEE left out, of classes that it does not know" in text
    assert "no test of it" not in text


def test_page_says_that_a_corpus_was_trained_on(document: dict) -> None:
    (model,) = document["models"]
    text = page({**document, "models": [{**model, "trained_on": ["RAVDESS", "SAVEE"]}]})
    assert "| SAVEE (**trained on**) |" in text
    assert "the model has heard clips of that corpus, so this is no test of it" in text


def test_command_without_a_corpus_says_what_to_name() -> None:
    with pytest.raises(SystemExit, match=", ".join(f"--{name} DIR" for name in READERS)):
        run(options())


def test_command_without_a_model_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="SHA256SUMS cannot be read"):
        run(options("--savee", str(folder), "--models", str(tmp_path / "none"), "--out", str(tmp_path)))
