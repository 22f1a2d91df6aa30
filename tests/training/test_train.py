"""Training resumes where it was killed, stops on validation speakers, and its export says what it says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.audio.features import FrontEnd
from training import train
from training.augment import Sampler
from training.configuration import VOCAL_BURST, Configuration
from training.evaluate import Evaluated
from training.export import ExportError, export_onnx, with_probabilities
from training.features import Features
from training.models.cnn2d import cnn2d

TINY = replace(VOCAL_BURST, channels=(2, 4), dense=8, epochs=3, batch_size=16)
LABELS = ("confusion", "nervousness", "guilt", "pride", "shame")


@pytest.fixture(scope="module")
def sampler(tiny_features: Features) -> Sampler:
    targets = np.eye(5, dtype=np.float32)[np.arange(150) // 3 % 5]
    return Sampler(tiny_features, FrontEnd(), TINY.augmentation, np.arange(30), targets, copies=1, seed=0)


@pytest.fixture(scope="module")
def validation(tiny_features: Features) -> Evaluated:
    windows = {band: part[30:60].astype(np.float32) for band, part in tiny_features.windows.items()}
    return Evaluated(windows, np.arange(30), np.arange(30, 60) // 3 % 5)


class _KilledError(Exception):
    pass


def test_killed_run_goes_on_and_ends_with_the_same_weights(
    sampler: Sampler, validation: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = train.fit(TINY, sampler, None, tmp_path / "whole", epochs=3)
    say = train._say

    def kill(run: str, row: dict[str, float], epochs: int, seconds: float) -> None:
        if row["epoch"] == 2:
            raise _KilledError

    monkeypatch.setattr(train, "_say", kill)
    with pytest.raises(_KilledError):
        train.fit(TINY, sampler, None, tmp_path / "killed", epochs=3)
    monkeypatch.setattr(train, "_say", say)
    resumed, epochs = train.fit(TINY, sampler, None, tmp_path / "killed", epochs=3)
    assert epochs == 3
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-6)


def test_best_validation_epoch_is_kept(sampler: Sampler, validation: Evaluated, tmp_path: Path) -> None:
    model, epochs = train.fit(TINY, sampler, validation, tmp_path / "run", epochs=3)
    history = json.loads((tmp_path / "run/history.json").read_text())
    best = max(row["validation_uar"] for row in history)
    assert history[epochs - 1]["validation_uar"] == best
    assert validation.uar(validation.logits(model)) == pytest.approx(best, abs=1e-4)


def test_training_stops_when_validation_no_longer_improves(
    sampler: Sampler, validation: Evaluated, tmp_path: Path
) -> None:
    still = replace(TINY, learning_rate=0.0, weight_decay=0.0, epochs=50, patience=2)
    train.fit(still, sampler, validation, tmp_path / "run", epochs=50)
    assert len(json.loads((tmp_path / "run/history.json").read_text())) < 50


def test_progress_is_told(sampler: Sampler, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.fit(TINY, sampler, None, tmp_path / "fold-1", epochs=1)
    assert "fold-1: epoch 1/1, loss " in capsys.readouterr().out


@pytest.mark.parametrize("configuration", [Configuration("speech_emotion", "1.0.0"), TINY])
def test_onnx_says_what_keras_says(configuration: Configuration, tmp_path: Path) -> None:
    network = cnn2d(
        configuration.front_end,
        5,
        channels=configuration.channels,
        dense=configuration.dense,
        dropout=configuration.dropout,
    )
    model = with_probabilities(network, 1.7)
    rng = np.random.default_rng(0)
    examples = rng.uniform(-80, 0, (33, configuration.front_end.frames, 64)).astype(np.float32)
    assert export_onnx(model, configuration, LABELS, tmp_path / "model.onnx", examples) < 1e-5
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {"input": examples[:1]})
    assert np.abs(probabilities - model.predict(examples[:1], verbose=0)).max() < 1e-5
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["labels"]) == list(LABELS)
    assert FrontEnd(**json.loads(metadata["front_end"])) == configuration.front_end


def test_export_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_probabilities(cnn2d(FrontEnd(), 5, channels=(2,), dense=4, dropout=0.0), 1.0)
    monkeypatch.setattr("training.export.largest_difference", lambda *_: float("nan"))
    with pytest.raises(ExportError, match="differs from Keras"):
        export_onnx(model, TINY, LABELS, tmp_path / "model.onnx", np.zeros((1, 94, 64), dtype=np.float32))
