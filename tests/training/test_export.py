"""An exported graph says what the trained model says, and what the service must know."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from scipy.special import softmax

from service.audio.features import Floats, FrontEnd
from service.inference.front_ends import read_front_end
from tests.training.made_up import FRONT_ENDS, KINDS
from tests.training.networks import SMALL, unsettled
from training import export
from training.configuration import Configuration
from training.export import ExportError, export_onnx
from training.models import FOREST, Trained, build
from training.models.network import Network
from training.models.random_forest import random_forest

LABELS = ("confusion", "nervousness", "guilt", "pride", "shame")
TEMPERATURE = 1.7


def windows(front_end: FrontEnd, count: int) -> Floats:
    """Inputs of the sizes that features have."""
    rng = np.random.default_rng(0)
    measured = {
        "mel": rng.uniform(-80, 0, (count, front_end.frames, front_end.n_mels)),
        "chroma": rng.uniform(0, 1, (count, front_end.frames, 12)),
        "zcr": rng.uniform(0, 0.5, (count, front_end.frames, 1)),
    }
    return front_end.compose({name: values.astype(np.float32) for name, values in measured.items()})


def configured(model: str, kind: str) -> Configuration:
    front_end = FRONT_ENDS[f"statistics of {kind}" if model == FOREST else kind]
    return Configuration("some_model", "EmoGator", model, version="3.2.1", front_end=front_end)


def trained(configuration: Configuration) -> Trained:
    front_end, model = configuration.front_end, configuration.model
    if model == FOREST:
        targets = np.eye(5, dtype=np.float32)[np.arange(60) % 5]
        return random_forest(windows(front_end, 60), targets, trees=6, leaves=20)
    return Network(unsettled(build(model, front_end.shape, 5, SMALL[model]), windows(front_end, 16)))


def probabilities(path: Path, inputs: Floats) -> Floats:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {"input": inputs})
    found: Floats = answers
    return found


def test_every_model_is_exported_here() -> None:
    elsewhere = {"encoder"}  # models/test_encoder.py
    assert {FOREST, *SMALL} | elsewhere == set(get_args(get_type_hints(Configuration)["model"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", [FOREST, *SMALL])
def test_onnx_equals_the_original(model: str, kind: str, tmp_path: Path) -> None:
    """For any number of windows, and with the metadata that the service reads its front end from."""
    configuration = configured(model, kind)
    front_end = configuration.front_end
    original = trained(configuration)
    path = tmp_path / "folder" / "model.onnx"
    examples = windows(front_end, 33)
    difference = export_onnx(original, TEMPERATURE, configuration, LABELS, path, examples)
    expected = softmax(original.logits(examples) / TEMPERATURE, axis=1)
    assert np.ptp(expected, axis=0).max() > 0.01
    found = probabilities(path, examples)
    assert difference == np.abs(found - expected).max() < 1e-5
    for count in (1, 2, 7):
        assert np.allclose(probabilities(path, examples[:count]), expected[:count], atol=1e-5)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (put,), (got,) = session.get_inputs(), session.get_outputs()
    assert (put.name, put.type, put.shape[1:]) == ("input", "tensor(float)", list(front_end.shape))
    assert (got.type, got.shape[1:]) == ("tensor(float)", [5])
    metadata = session.get_modelmeta().custom_metadata_map
    assert (metadata["name"], metadata["version"]) == ("some_model", "3.2.1")
    assert json.loads(metadata["labels"]) == list(LABELS)
    assert read_front_end(metadata["front_end"]) == front_end


def test_no_operator_is_a_loop_or_of_a_strange_domain(tmp_path: Path) -> None:
    """An LSTM is one operator; a loop would be slow."""
    configuration = configured("cnn_bilstm", "combined")
    path = tmp_path / "model.onnx"
    export_onnx(trained(configuration), 1.0, configuration, LABELS, path, windows(configuration.front_end, 2))
    graph = onnx.load(path)
    operators = [node.op_type for node in graph.graph.node]
    assert operators.count("LSTM") == 1
    assert not {"Loop", "Scan", "If"} & set(operators)
    assert {opset.domain for opset in graph.opset_import} <= {"", "ai.onnx.ml"}


@pytest.mark.parametrize("difference", [1.1e-4, float("nan"), float("inf")])
def test_export_that_differs_is_refused(difference: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = configured(FOREST, "zcr")
    monkeypatch.setattr(export, "largest_difference", lambda *_: difference)
    with pytest.raises(ExportError, match="differs from the trained model"):
        export_onnx(
            trained(configuration),
            1.0,
            configuration,
            LABELS,
            tmp_path / "model.onnx",
            windows(configuration.front_end, 2),
        )


def test_difference_is_the_largest_of_any_probability(tmp_path: Path) -> None:
    """Another temperature than that of the export is a difference."""
    configuration = configured(FOREST, "zcr")
    forest, path, examples = trained(configuration), tmp_path / "model.onnx", windows(configuration.front_end, 20)
    export_onnx(forest, 1.0, configuration, LABELS, path, examples)
    sharper = softmax(forest.logits(examples) / 0.5, axis=1)
    expected = np.abs(sharper - probabilities(path, examples)).max()
    assert export.largest_difference(forest, 0.5, path, examples) == pytest.approx(expected)
    assert expected > 0.01
