"""One training run: epochs of augmented windows, the best by validation speakers, resumable after a kill."""

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.augment import Sampler
from training.configuration import Configuration
from training.evaluate import Evaluated
from training.models.cnn2d import cnn2d


def use_one_thread() -> None:
    """Runs of a table go side by side, a core each; one thread also makes a run repeatable."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def fit(
    configuration: Configuration, sampler: Sampler, validation: Evaluated | None, folder: Path, *, epochs: int
) -> tuple[keras.Model, int]:
    """The trained model and the number of epochs behind its weights.

    With ``validation``, the weights are those of the best epoch; without, those after ``epochs`` epochs. The state
    after each epoch lies in ``folder``, from where an interrupted run goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state, history_file, best = folder / "state.keras", folder / "history.json", folder / "best.weights.h5"
    history: list[dict[str, Any]] = json.loads(history_file.read_text()) if state.exists() else []
    model = keras.models.load_model(state) if history else _compiled(configuration, sampler)
    while len(history) < epochs and not _exhausted(history, configuration.patience):
        started = time.monotonic()
        epoch = len(history)
        _reseed(model, configuration.seed, epoch)
        inputs, targets = sampler.epoch(epoch)
        fitted = model.fit(inputs, targets, batch_size=configuration.batch_size, shuffle=False, verbose=0)
        row = {"epoch": epoch + 1, "loss": round(fitted.history["loss"][0], 4)}
        if validation is not None:
            row["validation_uar"] = round(validation.uar(validation.logits(model)), 4)
            if row["validation_uar"] > max((past["validation_uar"] for past in history), default=-1.0):
                model.save_weights(best)
        history.append(row)
        _save(model, state, history, history_file)
        _say(folder.name, row, epochs, time.monotonic() - started)
    if validation is None:
        return model, len(history)
    model.load_weights(best)
    return model, _best_epoch(history)


def _compiled(configuration: Configuration, sampler: Sampler) -> keras.Model:
    keras.utils.set_random_seed(configuration.seed)
    model = cnn2d(
        configuration.front_end,
        sampler.targets.shape[1],
        channels=configuration.channels,
        dense=configuration.dense,
        dropout=configuration.dropout,
    )
    batches = -(-len(sampler.clips) * sampler.copies // configuration.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(configuration.learning_rate, configuration.epochs * batches)
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=configuration.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=configuration.label_smoothing),
    )
    return model


def _reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Dropout's own generators are not part of a saved model; each epoch starts them anew."""
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(dropouts):
        layer.seed_generator.state.assign(np.array([seed * 1000 + epoch, number], dtype=np.uint32))


def _best_epoch(history: list[dict[str, Any]]) -> int:
    return int(max(history, key=lambda row: (row["validation_uar"], -row["epoch"]))["epoch"])


def _exhausted(history: list[dict[str, Any]], patience: int) -> bool:
    scored = [row for row in history if "validation_uar" in row]
    return bool(scored) and len(history) - _best_epoch(scored) >= patience


def _save(model: keras.Model, state: Path, history: list[dict[str, Any]], history_file: Path) -> None:
    """State and history are replaced whole, the history last, so that a kill leaves the epoch before."""
    partial = state.with_name("partial.keras")
    model.save(partial)
    partial.replace(state)
    partial = history_file.with_suffix(".partial")
    partial.write_text(json.dumps(history))
    partial.replace(history_file)


def _say(run: str, row: dict[str, Any], epochs: int, seconds: float) -> None:
    score = f", validation UAR {row['validation_uar']:.3f}" if "validation_uar" in row else ""
    left = (epochs - row["epoch"]) * seconds / 60
    print(
        f"{run}: epoch {row['epoch']}/{epochs}, loss {row['loss']:.3f}{score}, at most {left:.0f} min left",
        flush=True,
    )
