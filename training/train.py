"""One training run: epochs of augmented windows, the best by validation clips, resumable after a kill."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import keras
import numpy as np

from training.augment import Sampler
from training.configuration import Configuration, ConfigurationError
from training.evaluate import Evaluated
from training.known import crossentropy_of_known
from training.models import FOREST, Trained, build, whisper
from training.models.network import Network, load
from training.probing import probe

History = list[dict[str, Any]]

STATE: Final = "run.keras"
"""The model after the latest epoch, and its history."""

BEST: Final = "best.weights.h5"
"""The weights after the best epoch."""

_HISTORY: Final = "history.json"


def fit(
    configuration: Configuration,
    sampler: Sampler,
    validation: Evaluated | None,
    folder: Path,
    *,
    epochs: int,
) -> tuple[Trained, History]:
    """The trained model and what was measured after each epoch.

    With ``validation``, a network's weights are those of :func:`best_epoch`; without, those after ``epochs`` epochs: in
    both cases their average over the batches so far, where the configuration asks for one.
    The state after each epoch lies in ``folder``, from where an interrupted run goes on. A forest grows at
    once.

    Raises:
        ConfigurationError: the loss is no longer a number.
    """
    if configuration.model == FOREST:
        from training.models.random_forest import random_forest

        return random_forest(*sampler.epoch(0), seed=configuration.seed, **configuration.network), []
    folder.mkdir(parents=True, exist_ok=True)
    state, best = folder / STATE, folder / BEST
    history = _history(state)
    if len(history) > epochs:  # no epoch can be taken back
        history = []
    model = load(state) if history else _compiled(configuration, sampler)
    while len(history) < epochs and not _exhausted(history, configuration.patience):
        started = time.process_time()
        epoch = len(history)
        _reseed(model, configuration.seed, epoch)
        inputs, targets = sampler.epoch(epoch)
        latest = _Latest()
        fitted = model.fit(
            inputs, targets, batch_size=configuration.batch_size, shuffle=False, verbose=0, callbacks=[latest]
        )
        row = {"epoch": epoch + 1, "loss": round(fitted.history["loss"][0], 4)}
        if not np.isfinite(row["loss"]):
            raise ConfigurationError(
                f"{configuration.name}: learning_rate: the loss is {row['loss']} in epoch {epoch + 1}; use a lower one"
            )
        if validation is not None:
            logits = validation.logits(Network(model))
            row["validation_loss"] = round(validation.calibrate(logits)[1], 4)
            row["validation_uar"] = round(validation.uar(logits), 4)
            if row["validation_loss"] < min((past["validation_loss"] for past in history), default=np.inf):
                model.save_weights(best)
        row["cpu_seconds"] = round(time.process_time() - started, 2)
        history.append(row)
        if configuration.averaging:
            model.set_weights(latest.weights)
        _save(model, history, state)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    if validation is not None:
        model.load_weights(best)
    if configuration.precision != "float32":
        trained, model = model, _built(configuration, sampler, "float32")
        model.set_weights(trained.get_weights())
    return Network(model), history


class _Latest(keras.callbacks.Callback):  # type: ignore[misc]
    """The weights after the last batch of an epoch, where ``fit`` ends by putting their average in their place."""

    weights: list[Any]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.weights = self.model.get_weights()


def best_epoch(history: Sequence[dict[str, Any]]) -> int:
    """The first with the lowest validation loss, which is less of a draw among small parts than the recalls are."""
    return int(min(history, key=lambda row: (row["validation_loss"], row["epoch"]))["epoch"])


def _compiled(configuration: Configuration, sampler: Sampler) -> keras.Model:
    keras.utils.set_random_seed(configuration.seed)
    model = _built(configuration, sampler, configuration.precision)
    if configuration.start:
        whisper.put_into(model, whisper.read(whisper.installed()))
    if configuration.linear_probe:
        inputs, clips = sampler.plain()
        probe(model, inputs, sampler.targets[clips], freedom=configuration.probe_freedom)
    rate: Any = configuration.learning_rate
    if configuration.cosine_decay:
        batches = -(-len(sampler.epoch(0)[0]) // configuration.batch_size)
        rate = _falling(rate, batches * configuration.warmup, batches * configuration.epochs)
    average: dict[str, Any] = (
        {"use_ema": True, "ema_momentum": configuration.averaging} if configuration.averaging else {}
    )
    optimizer = {
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=configuration.weight_decay, **average),
        "adam": lambda: keras.optimizers.Adam(rate, **average),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate, **average),
    }[configuration.optimizer]()
    loss: Any = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=configuration.label_smoothing)
    if configuration.beside:
        loss = crossentropy_of_known
    model.compile(optimizer=optimizer, loss=loss)
    return model


def _built(configuration: Configuration, sampler: Sampler, precision: str) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        built: keras.Model = build(
            configuration.model, sampler.front_end.shape, sampler.targets.shape[1], configuration.network
        )
        return built
    finally:
        keras.config.set_dtype_policy(before)


def _falling(rate: float, warmup: int, batches: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """To 0 as a cosine does, over ``batches``; during the first ``warmup`` from 0 to ``rate``."""
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(rate, batches)
    return keras.optimizers.schedules.CosineDecay(0.0, batches - warmup, warmup_target=rate, warmup_steps=warmup)


def _reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Dropout's own generators are not part of a saved model; each epoch starts them anew."""
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(dropouts):
        layer.seed_generator.state.assign(np.array([seed * 1000 + epoch, number], dtype=np.uint32))


def _exhausted(history: History, patience: int) -> bool:
    scored = [row for row in history if "validation_loss" in row]
    return bool(scored) and len(history) - best_epoch(scored) >= patience


def _history(state: Path) -> History:
    """Of the epochs that are in ``state``."""
    if not state.exists():
        return []
    with ZipFile(state) as archive:
        history: History = json.loads(archive.read(_HISTORY))
    return history


def _save(model: keras.Model, history: History, state: Path) -> None:
    """Model and history are one file and replaced whole, so that a kill leaves both as they were an epoch before."""
    partial = state.with_name("partial.keras")
    model.save(partial)
    with ZipFile(partial, "a") as archive:
        archive.writestr(_HISTORY, json.dumps(history))
    partial.replace(state)
