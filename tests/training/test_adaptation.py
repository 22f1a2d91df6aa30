"""Adaptation to a speaker uses nothing that was not heard before, helps a biased voice, and is chosen by others."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import adaptation
from training.__main__ import main
from training.adaptation import Calls, adapted, drawn, measure
from training.configuration import Configuration
from training.experiment import FOLDS, Experiment, run
from training.features import Features

USUAL = np.zeros(3)


def calls(bias: float, fold: int, concentration: float) -> Calls:
    """Of four speakers, each of whom sounds a little more like one class than he is."""
    rng = np.random.default_rng([fold, 7])
    shares = np.full(3, 1 / 3)
    logits, truths, speakers = [], [], []
    for speaker in range(4):
        offset = bias * np.eye(3)[speaker % 3]
        for _ in range(20):
            if np.isfinite(concentration):
                shares = rng.dirichlet(np.full(3, concentration))
            truth = rng.choice(3, size=20, p=shares)
            logits.append(np.eye(3)[truth] + offset + rng.normal(0, 0.4, (20, 3)))
            truths.append(truth)
            speakers.append(f"{fold}-{speaker}")
    return Calls(np.array(logits), np.array(truths), np.array(speakers))


def test_later_utterances_change_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 6, 3))
    whole = adapted(logits, 0.7, 2, USUAL)
    for heard in range(1, 7):
        assert np.allclose(adapted(logits[:, :heard], 0.7, 2, USUAL), whole[:, :heard])
    assert np.allclose(whole[:, 0], logits[:, 0])


def test_what_is_subtracted_is_the_shrunken_mean_of_the_earlier_ones() -> None:
    logits = np.array([[[3.0, 0, 0], [5.0, 0, 0], [9.0, 0, 0]]])
    # Of the third: half of (3 + 5 - 2 * 1) / (2 + 1).
    assert adapted(logits, 0.5, 1, np.array([1.0, 0, 0]))[0, 2, 0] == pytest.approx(9 - 0.5 * 6 / 3)
    assert np.array_equal(adapted(logits, 0.0, 1, USUAL), logits)


def test_biased_voice_is_heard_better() -> None:
    found = measure([calls(1.0, fold, np.inf) for fold in range(5)])
    assert found["gain"] == pytest.approx(found["adapted"] - found["without"], abs=1e-3)
    assert 0 < found["gain_interval"][0] <= found["gain"] <= found["gain_interval"][1]
    assert all(chosen["share"] > 0 for chosen in found["chosen"])


def test_caller_who_always_feels_the_same_is_left_alone() -> None:
    found = measure([calls(0.0, fold, 0.05) for fold in range(5)])
    assert found["gain"] == 0
    assert {chosen["share"] for chosen in found["chosen"]} == {0.0}


def test_fold_has_no_say_in_what_is_chosen_for_it() -> None:
    folds = [calls(1.0, fold, np.inf) for fold in range(5)]
    other = replace(folds[0], truth=folds[0].truth[:, ::-1])
    assert measure(folds)["chosen"][0] == measure([other, *folds[1:]])["chosen"][0]


@pytest.mark.parametrize("concentration", adaptation.MIXES.values(), ids=adaptation.MIXES)
def test_call_holds_no_clip_twice_and_no_other_speakers(concentration: float) -> None:
    truth = np.arange(120) % 8
    own = np.arange(30, 90)
    for seed in range(20):
        call = drawn(own, truth, concentration, np.random.default_rng(seed))
        assert len(set(call)) == len(call) == 20
        assert set(call) <= set(own)


def test_emotions_of_a_call_are_equal_or_very_unequal() -> None:
    def most(mix: str) -> float:
        rng = np.random.default_rng(0)
        truth = np.arange(160) % 8
        found = [drawn(np.arange(160), truth, adaptation.MIXES[mix], rng) for _ in range(50)]
        return float(np.mean([np.bincount(truth[call]).max() for call in found]))

    assert most("equal") < 6 < 9 < most("unequal")


def test_command_writes_a_report_of_folds_that_were_run(
    tiny_emogator: Path, tiny_runs: Path, tiny_features: Features, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Configuration("tiny_adapted", "EmoGator", "cnn1d", network={"channels": (4,), "dense": 4}, epochs=1)
    monkeypatch.setattr(adaptation, "shipped", lambda name: tiny)
    monkeypatch.setattr(adaptation, "_UTTERANCES", 5)
    monkeypatch.setattr(adaptation, "_CALLS", 2)
    command = ["adaptation", "tiny_adapted", "--data", str(tiny_emogator), "--runs", str(tiny_runs)]
    for name in FOLDS:
        run(Experiment(tiny, tiny_emogator, tiny_runs, tmp_path), name)
    assert main([*command, "--out", str(tmp_path)]) == 0
    document = json.loads((tmp_path / "adaptation.json").read_text())
    assert set(document["mixes"]) == {"equal", "unequal"}
    assert "| unequal | telephone |" in (tmp_path / "adaptation.md").read_text()
