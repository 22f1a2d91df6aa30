"""One command, from a folder of clips to an artefact that the service loads; done once, then from what was kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.audio.features import FrontEnd
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact
from training.__main__ import main
from training.card import readme
from training.configuration import VOCAL_BURST
from training.experiment import Experiment, run_all
from training.ship import ship

TINY = replace(VOCAL_BURST, channels=(2, 4), dense=8, epochs=1, batch_size=16)


@pytest.fixture(scope="module")
def experiment(tiny_emogator: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return Experiment(TINY, "EmoGator", tiny_emogator, tmp_path_factory.mktemp("runs"), workers=1)


@pytest.fixture(scope="module")
def shipped(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "vocal_burst"
    loaded, runs = run_all(experiment)
    ship(loaded, runs, folder)
    return folder


def test_artefact_loads_in_the_service_and_answers(shipped: Path) -> None:
    model = EmotionModel(Artefact.load(shipped))
    scores = model.scores(np.random.default_rng(0).uniform(-1, 1, (3, 48_000)).astype(np.float32))
    assert scores.shape == (3, 5)
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_card_reports_both_protocols_in_both_bands(shipped: Path) -> None:
    card = json.loads((shipped / "card.json").read_text())
    for protocol, folds in (("speaker-independent", 5), ("paper", 1)):
        for band in ("wideband", "telephone"):
            figures = card["protocols"][protocol][band]
            assert figures["folds"] == folds
            assert figures["uar_interval"][0] <= figures["uar"] <= figures["uar_interval"][1]
            assert set(figures["recall"]) == set(card["labels"])
    assert card["protocols"]["speaker-independent"]["wideband"]["clips"] == 150
    assert card["protocols"]["speaker-independent"]["wideband"]["speakers"] == 10
    assert card["proxies"] == {"nervousness": "Distress"}
    assert FrontEnd(**{name: card["front_end"][name] for name in FrontEnd.__dataclass_fields__}) == FrontEnd()
    assert len(card["commit"].split()[0]) == 40


def test_readme_is_the_cards(shipped: Path) -> None:
    card = json.loads((shipped / "card.json").read_text())
    assert (shipped / "README.md").read_text() == readme(card)
    assert (shipped / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_done_is_not_done_again(experiment: Experiment, shipped: Path, tmp_path: Path) -> None:
    results = {path: path.stat().st_mtime_ns for path in experiment.runs.rglob("result.npz")}
    assert len(results) == 6
    loaded, runs = run_all(experiment)
    assert {path: path.stat().st_mtime_ns for path in experiment.runs.rglob("result.npz")} == results
    ship(loaded, runs, tmp_path)
    again, before = (json.loads((folder / "card.json").read_text()) for folder in (tmp_path, shipped))
    assert again == before


def test_command_names_what_is_wrong_with_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speech-emotion", "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 1
    assert "03-01-01-01-01-01-01: missing" in capsys.readouterr().err
