"""A demonstration's page is made of its figures, and of nothing else."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import pytest

from training import REPORTS, leakage, resampling
from training.datasets import Corpus
from training.demonstration import add_arguments, figures, publish, tally, trained


def options(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    add_arguments(parser, corpus="emogator")
    return parser.parse_args(arguments)


def measure(corpus: Corpus) -> dict:
    return {"corpus": corpus.name, "clips": len(corpus.clips)}


def page(document: dict) -> str:
    return f"{document['clips']} clips of {document['corpus']}\n"


@pytest.fixture
def data(tiny_emogator: Path, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "emogator").symlink_to(tiny_emogator)
    return tmp_path / "data"


def test_figures_and_their_page_are_written(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "reports"
    publish("sizes", options("--data", str(data), "--out", str(out)), measure, page)
    assert json.loads((out / "sizes.json").read_text(encoding="utf-8")) == {"corpus": "EmoGator", "clips": 150}
    assert (out / "sizes.md").read_text(encoding="utf-8") == "150 clips of EmoGator\n"


def test_page_is_made_of_the_figures_that_are_there(tmp_path: Path) -> None:
    written = '{"corpus": "some", "clips": 7}'
    (tmp_path / "sizes.json").write_text(written, encoding="utf-8")
    publish("sizes", options("--report", "--out", str(tmp_path)), measure, page)
    assert (tmp_path / "sizes.md").read_text(encoding="utf-8") == "7 clips of some\n"
    assert (tmp_path / "sizes.json").read_text(encoding="utf-8") == written


def test_command_without_data_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--data is needed"):
        publish("sizes", options("--out", str(tmp_path)), measure, page)


def test_page_of_figures_that_nobody_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"sizes\.json is not there"):
        publish("sizes", options("--report", "--out", str(tmp_path)), measure, page)


@pytest.mark.parametrize(("name", "made"), [("leakage", leakage.page), ("resampling", resampling.page)])
def test_committed_page_is_that_of_the_committed_figures(name: str, made) -> None:
    document = json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))
    assert (REPORTS / f"{name}.md").read_text(encoding="utf-8") == made(document)


def test_model_weighs_values_of_any_size_alike() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    inputs = np.stack([rng.normal(0, 1e6, 60), truth + rng.normal(0, 0.1, 60)], axis=1).astype(np.float32)
    assert np.array_equal(trained(inputs, truth)(inputs[:20]), truth[:20])


def test_answers_without_probabilities_are_counted() -> None:
    answers = tally(np.array([0, 1, 1]), np.array([0, 1, 0]), np.array(["ann", "ann", "bob"]), 2)
    counted = figures(answers, ("calm", "sad"), seed=0)
    assert counted["confusion"] == [[1, 1], [0, 1]]
    assert (counted["accuracy"], counted["uar"], counted["speakers"]) == (0.6667, 0.75, 2)
    assert "calibration_error" not in counted
