"""``training ship``: one command, from a folder of clips to a model that the service loads; then from what was kept."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.audio.features import FrontEnd
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact
from training import runs
from training.__main__ import main
from training.card import readme
from training.features import Features

FOREST = """
corpus = "EmoGator"
model = "random_forest"
version = "0.1.0"
selection = "nobody looked"
copies = 2

[front_end]
features = ["mfcc", "zcr"]
n_mfcc = 13
statistics = true

[network]
trees = 6
leaves = 20

[augmentation]
variants = ["wideband", "telephone"]
"""
BANDS = ("wideband", "telephone")


@pytest.fixture(scope="module")
def command(
    tiny_emogator: Path, tiny_runs: Path, tiny_features: Features, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    folder = tmp_path_factory.mktemp("own")
    (file := folder / "own_forest.toml").write_text(FOREST)
    kept = ["--runs", str(tiny_runs), "--results", str(folder / "results")]
    return ["ship", str(file), "--data", str(tiny_emogator), "--workers", "1", *kept]


@pytest.fixture(scope="module")
def shipped(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models")
    assert main([*command, "--out", str(out)]) == 0
    return out / "own_forest"


@pytest.fixture(scope="module")
def card(shipped: Path) -> dict:
    return json.loads((shipped / "card.json").read_text())


def test_artefact_loads_in_the_service_and_answers(shipped: Path) -> None:
    model = EmotionModel(Artefact.load(shipped))
    scores = model.scores(np.random.default_rng(0).uniform(-1, 1, (3, 48_000)).astype(np.float32))
    assert scores.shape == (3, 5)
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (model.name, model.version, model.task) == ("own_forest", "0.1.0", "vocal-burst")


def test_card_reports_all_folds_of_speakers_in_both_bands(card: dict) -> None:
    (bands,) = card["protocols"].values()
    assert set(bands) == set(BANDS)
    for figures in bands.values():
        assert (figures["folds"], figures["clips"], figures["speakers"]) == (5, 150, 10)
        assert figures["uar_interval"][0] <= figures["uar"] <= figures["uar_interval"][1]
        assert list(figures["recall"]) == card["labels"]


def test_card_says_what_it_was_made_of_and_how(card: dict) -> None:
    front_end = FrontEnd(features=("mfcc", "zcr"), n_mfcc=13, statistics=True)
    stored = {**card["front_end"], "features": tuple(card["front_end"]["features"])}
    assert {name: stored[name] for name in asdict(front_end)} == asdict(front_end)
    assert card["task"] == "vocal-burst"
    assert card["proxies"] == {"nervousness": "Distress"}
    assert card["licence"] == "Apache-2.0"
    assert card["configuration"]["network"] == {"trees": 6, "leaves": 20}
    assert card["protocol_notes"]["selection"] == "nobody looked"
    assert card["protocol_notes"]["speaker-independent"].startswith("5 of five folds of contributors")
    assert card["training_data"]["clips"] == 150
    assert any("000003-05-2: the same recording" in note for note in card["training_data"]["notes"])
    assert card["shipped"]["onnx_difference"] <= 1e-4


def test_prediction_sets_are_promised_in_the_card_and_made_by_the_model(shipped: Path, card: dict) -> None:
    sets = card["prediction_sets"]
    assert set(sets["held_out"]) == set(BANDS)
    assert 0 < sets["least_score"] <= 0.5
    metadata = onnx.load(shipped / "model.onnx").metadata_props
    (promised,) = (json.loads(entry.value) for entry in metadata if entry.key == "conformal")
    assert promised == {"coverage": 0.9, "least_score": sets["least_score"]}
    assert "**Prediction sets** hold every label" in (shipped / "README.md").read_text()


def test_card_names_no_folder_of_this_machine(shipped: Path, command: list[str]) -> None:
    for folder in (Path(command[1]).parent, *map(Path, (command[3], *command[7::2])), shipped.parent, Path.home()):
        for name in ("card.json", "README.md"):
            assert str(folder) not in (shipped / name).read_text()


def test_card_is_json_that_any_reader_reads(shipped: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads((shipped / "card.json").read_text(), parse_constant=refuse)


def test_readme_is_the_cards_and_its_pictures_are_there(shipped: Path, card: dict) -> None:
    assert (shipped / "README.md").read_text() == readme(card)
    for picture in ("confusion.png", card["architecture"]["picture"]):
        assert (shipped / picture).read_bytes().startswith(b"\x89PNG")
        assert f"({picture})" in readme(card)


def test_readme_says_what_else_the_weights_were_made_of(card: dict) -> None:
    assert "**Starts with**" not in readme(card)
    taught = readme(
        {**card, "starts_with": [{"name": "earlier", "citation": "Who", "licence": "MIT"}], "teacher": "it"}
    )
    assert "- **Starts with** the weights of earlier (Who; MIT)\n- **Distilled** from it, on the same clips" in taught


def test_what_is_done_is_not_done_again(
    command: list[str], shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "5 of 5 runs are done already"
    assert [line.split(": ")[0] for line in told[1:]] == [f"speaker-independent, {band}" for band in BANDS]
    for name in ("card.json", "model.onnx"):
        assert (tmp_path / "own_forest" / name).read_bytes() == (shipped / name).read_bytes()


def test_command_without_a_single_run_that_could_be_exported_says_so(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained_elsewhere(jobs: object, *, workers: int) -> None:
        """As where each network has been trained by torch."""

    monkeypatch.setattr(runs, "run_all", trained_elsewhere)
    assert main([*command, "--results", str(tmp_path), "--out", str(tmp_path / "models")]) == 1
    assert "own_forest: no fold has a result yet" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_command_names_what_is_wrong_with_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ship", "speech_emotion", "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 1
    assert "03-01-01-01-01-01-01: missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("named", "wrong"), [("no_such_model", "no_such_model.toml"), ("own.toml", "epoch: Unexpected keyword argument")]
)
def test_command_names_what_is_wrong_with_the_configuration(
    named: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text('corpus = "RAVDESS"\nmodel = "cnn1d"\nepoch = 3')
    assert main(["ship", named, "--data", str(tmp_path)]) == 1
    assert wrong in capsys.readouterr().err
