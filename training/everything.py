"""The last run of an experiment: on all clips, nobody held back, with what its folds chose."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training import conformal
from training.experiment import FOLDS, SHIPPED, Experiment, NotExportedError, Result, as_exported


@dataclass(frozen=True, slots=True)
class Made:
    """What is to be said of a model of all clips: ``onnx_difference`` is how far ONNX is from what was trained."""

    parameters: int
    epochs: int
    temperature: float
    prediction_sets: dict[str, Any] | None
    onnx_difference: float


def run_on_everything(experiment: Experiment) -> Made:
    """Train on all clips and export; first so what it learns from, where that is missing.

    Raises:
        NotExportedError: no fold has a result, or this training has not been done by TensorFlow.
        ExportError: ONNX and the trained model disagree.
    """
    # Imported late: the libraries take seconds.
    from training import train
    from training.export import export_onnx

    configuration = experiment.configuration
    folds = experiment.results_of(FOLDS)
    if not folds:
        raise NotExportedError(f"{configuration.name}: no fold has a result yet to take the settings from")
    teaching = experiment.teaching
    if teaching and not teaching.onnx(SHIPPED).exists():
        run_on_everything(teaching)
    loaded = experiment.load()
    epochs, temperature = chosen_by(folds)
    sets = prediction_sets(folds)
    everything = loaded.sampler(np.arange(len(loaded.corpus.clips)), experiment.teacher(SHIPPED))
    model, _ = train.fit(configuration, everything, None, experiment.folder(SHIPPED), epochs=epochs)
    model = as_exported(model, configuration, everything)
    examples = np.concatenate(list(loaded.evaluated(np.arange(100)).windows.values()))
    path = experiment.onnx(SHIPPED)
    difference = export_onnx(model, temperature, configuration, loaded.corpus.labels, path, examples, sets)
    return Made(model.parameters, epochs, temperature, sets, difference)


def chosen_by(folds: Sequence[Result]) -> tuple[int, float]:
    """The median of the folds' best epochs and the geometric mean of their temperatures."""
    epochs = statistics.median_high(result["epochs"] for result in folds)
    temperature = statistics.geometric_mean(result["temperature"] for result in folds)
    return epochs, round(temperature, 4)


def prediction_sets(results: Sequence[Result]) -> dict[str, Any] | None:
    """The threshold for new speakers, and what sets came to on those of each fold; None where there are too few folds
    that know."""
    folds = [
        {band: np.asarray(counts) for band, counts in result["sets"].items()} for result in results if "sets" in result
    ]
    if len(folds) < 2:
        return None
    least = conformal.threshold(sum(np.sum(list(fold.values()), axis=0) for fold in folds))
    return {
        "method": "LAC, each fold at the threshold of the others",
        "coverage": conformal.COVERAGE,
        "least_score": least,
        "held_out": conformal.held_out(folds),
    }
