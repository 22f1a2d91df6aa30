"""What is shipped: trained on all clips, for as long as the folds chose, from a teacher that was, too."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from training import experiment as experiments
from training import train
from training.configuration import Configuration
from training.everything import chosen_by, run_on_everything
from training.experiment import FOLDS, RANDOM_SPLITS, SHIPPED, Experiment, NotExportedError
from training.features import Features

NETWORK = Configuration("tiny_everything", "EmoGator", "cnn1d", network={"channels": (4,), "dense": 4}, batch_size=32)


@pytest.fixture
def experiment(tiny_emogator: Path, tiny_runs: Path, tiny_features: Features, tmp_path: Path) -> Experiment:
    """One whose folds found different epochs and temperatures."""
    here = Experiment(NETWORK, tiny_emogator, tiny_runs, tmp_path)
    folds(here)
    return here


def folds(experiment: Experiment) -> None:
    for split, epochs, temperature in (("fold-1", 1, 0.5), ("fold-3", 30, 2.0), ("fold-5", 2, 1.0), ("random-1", 9, 9)):
        found = {"split": split, "epochs": epochs, "temperature": temperature}
        experiment.write(split, {**found, "identity": experiment.identity})


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int], int]]:
    """Of each training the name of the configuration, the clips and the epochs."""
    seen = []
    fit = train.fit

    def look(configuration: Configuration, sampler: Any, validation: Any, *rest: Any, **options: Any) -> Any:
        assert validation is None
        seen.append((configuration.name, sampler.clips.tolist(), options["epochs"]))
        return fit(configuration, sampler, validation, *rest, **options)

    monkeypatch.setattr(train, "fit", look)
    return seen


def test_all_clips_are_trained_on_for_the_median_of_the_folds_epochs(
    experiment: Experiment, fitted: list[tuple[str, list[int], int]]
) -> None:
    made = run_on_everything(experiment)
    assert fitted == [("tiny_everything", list(range(150)), 2)]
    assert (made.epochs, made.temperature) == (2, 1.0)
    assert made.onnx_difference < 1e-4
    assert experiment.onnx(SHIPPED).exists()
    assert experiment.folder(SHIPPED) not in [experiment.folder(split) for split in (*FOLDS, *RANDOM_SPLITS)]


def test_settings_are_the_median_of_the_epochs_and_the_mean_of_the_temperatures() -> None:
    found = [{"epochs": epochs, "temperature": heat} for epochs, heat in ((9, 0.5), (30, 2.0), (12, 1.0))]
    assert chosen_by(found) == (12, 1.0)


def test_teacher_of_everything_is_made_first_and_once(
    experiment: Experiment, fitted: list[tuple[str, list[int], int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "shipped", lambda name: replace(NETWORK, name=name, seed=7))
    student = replace(experiment, configuration=replace(NETWORK, name="student", teacher="teacher"))
    folds(student)
    with pytest.raises(NotExportedError, match="teacher: no fold has a result yet"):
        run_on_everything(student)
    assert student.teaching is not None
    folds(student.teaching)
    run_on_everything(student)
    run_on_everything(student)
    assert [name for name, *_ in fitted] == ["teacher", "student", "student"]


def test_network_of_another_backend_is_not_exported(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(NotExportedError, match="trained by torch"):
        run_on_everything(experiment)
