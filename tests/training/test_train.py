"""Training goes on where it was killed, keeps the best epoch, stops when none is better, and needs no TensorFlow."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from service.audio.features import Floats, FrontEnd
from tests.training.made_up import FRONT_ENDS, PLAIN, noise
from tests.training.networks import SMALL
from training import train
from training.augment import Augmentation, Sampler
from training.configuration import Configuration, ConfigurationError
from training.evaluate import Evaluated
from training.export import export_onnx
from training.features import BANDS
from training.models import FOREST, Trained, whisper
from training.models.random_forest import Forest

ROOT = Path(__file__).parents[2]
LABELS = ("a", "b", "c")
FRONT_END = FRONT_ENDS["mfcc"]
TINY = Configuration(
    "tiny",
    "EmoGator",
    "cnn1d",
    front_end=FRONT_END,
    network={"channels": (4,), "dense": 4},
    augmentation=Augmentation(mixup=0.2),
    epochs=6,
    batch_size=16,
)


def sampler(front_end: FrontEnd = FRONT_END, augmentation: Augmentation = TINY.augmentation, **options: Any) -> Sampler:
    """40 clips of three classes; those of the first class are there twice as often."""
    targets = np.eye(3, dtype=np.float32)[np.arange(40) % 4 % 3]
    usual = Sampler(
        noise(front_end, [60] * 40), front_end, augmentation, np.arange(30), targets, copies=1, smote=False, seed=0
    )
    return replace(usual, **options)


def validation(front_end: FrontEnd = FRONT_END) -> Evaluated:
    features = noise(front_end, [60] * 40)
    held = np.arange(30, 40)
    windows = {band: features.inputs(band, held, front_end) for band in BANDS}
    return Evaluated(windows, np.arange(10), np.arange(10) % 3, ("ann",) * 10)


class Scripted:
    """Validation clips on which the epochs have these losses."""

    def __init__(self, *losses: float) -> None:
        self._losses: Iterator[float] = iter(losses)

    def logits(self, model: Trained) -> Mapping[str, Floats]:
        return {}

    def calibrate(self, logits: Mapping[str, Floats]) -> tuple[float, float]:
        return 1.0, next(self._losses)

    def uar(self, logits: Mapping[str, Floats]) -> float:
        return 0.5


def fit(configuration: Configuration, folder: Path, held: Any = None, epochs: int = 3, **options: Any) -> Any:
    """The weights after training, and the history."""
    model, history = train.fit(configuration, sampler(**options), held, folder, epochs=epochs)
    return model.model.get_weights(), history


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.allclose(a, b, atol=1e-6) for a, b in zip(one, other, strict=True))


class _KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def by_epoch(tmp_path_factory: pytest.TempPathFactory) -> list[list[np.ndarray]]:
    """The weights after each of four epochs that nothing interrupted."""
    weights = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "_save", lambda model, *_: weights.append(model.get_weights()))
        fit(TINY, tmp_path_factory.mktemp("whole"), epochs=4)
    return weights


def test_run_that_is_killed_time_and_again_ends_with_the_same_weights(
    by_epoch: list[list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = keras.Model.save, []

    def in_the_first_epoch(model: keras.Model, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise _KilledError

    def in_the_second(model: keras.Model, path: Path) -> None:
        save(model, path)
        saved.append(path)
        if len(saved) == 2:
            raise _KilledError

    for moment in (in_the_first_epoch, in_the_second):
        with monkeypatch.context() as patched:
            patched.setattr(keras.Model, "save", moment)
            with pytest.raises(_KilledError):
                fit(TINY, tmp_path, epochs=4)
    fit(TINY, tmp_path, epochs=3)
    weights, history = fit(TINY, tmp_path, epochs=4)
    assert same(weights, by_epoch[3])
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]


def test_shorter_run_is_not_what_a_longer_one_left(by_epoch: list[list[np.ndarray]], tmp_path: Path) -> None:
    fit(TINY, tmp_path, epochs=2)
    weights, history = fit(TINY, tmp_path, epochs=1)
    assert len(history) == 1
    assert same(weights, by_epoch[0])


def test_weights_are_those_of_the_epoch_with_the_least_validation_loss(
    by_epoch: list[list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best, history = fit(TINY, tmp_path, Scripted(3.0, 2.0, 2.5, 2.0), epochs=4)
    assert train.best_epoch(history) == 2
    assert same(best, by_epoch[1])
    assert not same(best, by_epoch[3])
    monkeypatch.setattr(keras.Model, "fit", None)  # what is finished is not trained again
    again, remembered = fit(TINY, tmp_path, Scripted(), epochs=4)
    assert same(best, again)
    assert remembered == history


def test_run_whose_loss_is_no_number_says_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tiny: learning_rate: the loss is nan in epoch 1; use a lower one"):
        fit(replace(TINY, learning_rate=1e38), tmp_path)


def test_run_may_end_with_the_average_of_its_weights_and_goes_on_from_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    averaging = replace(TINY, averaging=0.5)
    steps: list[list[np.ndarray]] = []

    def trained(folder: str, epochs: int) -> list[np.ndarray]:
        model, _ = train.fit(averaging, sampler(), None, tmp_path / folder, epochs=epochs)
        return [variable.numpy() for variable in model.model.trainable_variables]

    def look(callback: keras.callbacks.Callback, *_: Any, **__: Any) -> None:
        steps.append([variable.numpy() for variable in callback.model.trainable_variables])

    with monkeypatch.context() as patched:
        patched.setattr(train._Latest, "on_train_batch_end", look)
        ended = trained("whole", 2)
    assert len(steps) == 4  # 30 clips in batches of 16 are two steps an epoch
    average = steps[0]
    for weights in steps[1:]:
        average = [(before + now) / 2 for before, now in zip(average, weights, strict=True)]
    assert same(ended, average)
    assert not same(ended, steps[-1])
    trained("resumed", 1)
    assert same(trained("resumed", 2), ended)


def test_history_says_what_validation_said(tmp_path: Path) -> None:
    held = validation()
    model, history = train.fit(TINY, sampler(), held, tmp_path, epochs=2)
    assert [set(row) for row in history] == [{"epoch", "loss", "validation_loss", "validation_uar", "cpu_seconds"}] * 2
    best = history[train.best_epoch(history) - 1]
    logits = held.logits(model)
    assert held.calibrate(logits)[1] == pytest.approx(best["validation_loss"], abs=1e-4)
    assert held.uar(logits) == pytest.approx(best["validation_uar"], abs=1e-4)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Floats, Floats]]:
    """What each epoch would have shown to the network, which learns nothing."""
    epochs = []

    def look(model: keras.Model, inputs: Floats, targets: Floats, **_: Any) -> Any:
        epochs.append((inputs, targets))
        return SimpleNamespace(history={"loss": [1.0]})

    monkeypatch.setattr(keras.Model, "fit", look)
    return epochs


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ((3.0, 2.0, 2.5, 2.6, 1.0), 4),  # the second remains the best for two epochs
        ((3.0, 2.0, 2.5, 1.9, 2.0, 2.1), 6),  # the fourth is better just in time
        ((2.0, 2.0, 2.0), 3),  # as good is not better
        ((6.0, 5.0, 4.0, 3.0, 2.0, 1.0), 6),  # as long as it may
    ],
)
@pytest.mark.usefixtures("shown")
def test_training_stops_when_validation_has_not_been_better_for_as_long_as_its_patience(
    losses: tuple[float, ...], epochs: int, tmp_path: Path
) -> None:
    _, history = fit(replace(TINY, patience=2), tmp_path, Scripted(*losses), epochs=6)
    assert [row["validation_loss"] for row in history] == list(losses[:epochs])


@pytest.mark.usefixtures("shown")
def test_run_that_is_killed_while_it_keeps_its_best_weights_begins_the_epoch_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(model: keras.Model, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise _KilledError

    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "save_weights", kill)
        with pytest.raises(_KilledError):
            fit(TINY, tmp_path, Scripted(2.0), epochs=1)
    assert len(fit(TINY, tmp_path, Scripted(2.0), epochs=1)[1]) == 1


@pytest.mark.usefixtures("shown")
def test_without_validation_it_trains_as_long_as_it_is_told(tmp_path: Path) -> None:
    _, history = fit(replace(TINY, patience=1), tmp_path, epochs=4)
    assert [set(row) for row in history] == [{"epoch", "loss", "cpu_seconds"}] * 4


def test_every_epoch_shows_the_samplers(shown: list[tuple[Floats, Floats]], tmp_path: Path) -> None:
    fit(TINY, tmp_path, epochs=2, copies=2)
    for number, (inputs, targets) in enumerate(shown):
        expected = sampler(copies=2).epoch(number)
        assert np.array_equal(inputs, expected[0])
        assert np.array_equal(targets, expected[1])


def test_smote_fills_every_epoch_up(shown: list[tuple[Floats, Floats]], tmp_path: Path) -> None:
    fit(TINY, tmp_path, epochs=2, smote=True, augmentation=PLAIN)
    # 15 of the 30 clips are of the first class.
    assert [targets.sum(axis=0).tolist() for _, targets in shown] == [[15, 15, 15]] * 2


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [("adamw", keras.optimizers.AdamW), ("adam", keras.optimizers.Adam), ("rmsprop", keras.optimizers.RMSprop)],
)
@pytest.mark.parametrize("decay", [False, True], ids=["steady", "cosine"])
@pytest.mark.usefixtures("shown")
def test_optimizer_is_the_one_that_is_named(optimizer: str, kind: type, decay: bool, tmp_path: Path) -> None:
    configuration = replace(
        TINY, optimizer=optimizer, learning_rate=0.01, weight_decay=0.02, cosine_decay=decay, epochs=3
    )
    model, _ = train.fit(configuration, sampler(), None, tmp_path, epochs=1)
    used = model.model.optimizer
    assert type(used) is kind
    assert used.weight_decay == (0.02 if optimizer == "adamw" else None)
    rates = []
    for step in (0, 3, 6):  # 30 clips in batches of 16 are two steps an epoch
        used.iterations.assign(step)
        rates.append(float(used.learning_rate))
    assert rates == pytest.approx([0.01, 0.005, 0.0] if decay else [0.01] * 3, abs=1e-6)


@pytest.mark.usefixtures("shown")
def test_loss_is_smoothed_as_asked(tmp_path: Path) -> None:
    model, _ = train.fit(replace(TINY, label_smoothing=0.2), sampler(), None, tmp_path, epochs=1)
    assert model.model.loss.get_config()["label_smoothing"] == 0.2
    assert model.model.loss.get_config()["from_logits"] is True


@pytest.mark.usefixtures("shown")
def test_seed_decides_where_the_weights_start(tmp_path: Path) -> None:
    first, again, other = (
        fit(replace(TINY, seed=seed), tmp_path / name, epochs=1)[0] for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert same(first, again)
    assert not same(first, other)


def test_forest_grows_at_once_with_its_options(tmp_path: Path) -> None:
    front_end = FRONT_ENDS["statistics of mfcc"]
    configuration = replace(TINY, model=FOREST, front_end=front_end, network={"trees": 5, "leaves": 4}, seed=3)
    model, history = train.fit(configuration, sampler(front_end, PLAIN), validation(front_end), tmp_path, epochs=9)
    assert isinstance(model, Forest)
    assert len(model.model.estimators_) == 5
    assert max(tree.get_n_leaves() for tree in model.model.estimators_) == 4
    assert model.model.random_state == 3
    assert history == []
    assert not list(tmp_path.iterdir())


ON_ANOTHER_MACHINE = """
import sys
sys.modules["tensorflow"] = None  # there is none
from dataclasses import replace
from pathlib import Path
import keras, numpy as np
from tests.training import test_train as here
from tests.training.networks import SMALL
from training import train
assert keras.backend.backend() == "torch"
for model in SMALL:
    folder = Path(sys.argv[1]) / model
    trained, history = train.fit(here.of(model), here.sampler(), here.validation(), folder, epochs=1)
    np.save(folder / "logits.npy", trained.logits(here.validation().windows["wideband"]))
"""


def of(model: str) -> Configuration:
    return replace(TINY, model=model, network=SMALL[model], epochs=1)


@pytest.fixture(scope="module")
def trained_by_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one epoch of each network, trained where there is no TensorFlow."""
    folder = tmp_path_factory.mktemp("torch")
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", ON_ANOTHER_MACHINE, str(folder)],
        env={**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("model", SMALL)
def test_network_that_torch_trained_is_exported_by_tensorflow(
    model: str, trained_by_torch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.Model, "fit", None)  # nothing is left to train
    folder, inputs = trained_by_torch / model, validation().windows["wideband"]
    network, history = train.fit(of(model), sampler(), validation(), folder, epochs=1)
    assert keras.backend.backend() == "tensorflow"
    assert len(history) == 1
    assert np.abs(network.logits(inputs) - np.load(folder / "logits.npy")).max() < 1e-4
    assert export_onnx(network, 1.3, of(model), LABELS, tmp_path / "model.onnx", inputs) < 1e-5


def test_rate_rises_during_the_warmup_and_falls_to_nothing() -> None:
    rate = train._falling(0.1, 10, 50)
    values = [float(rate(batch)) for batch in range(51)]
    assert values[0] == 0
    assert values[:11] == sorted(values[:11])
    assert values[10] == max(values) == pytest.approx(0.1)
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[50] == pytest.approx(0, abs=1e-9)
    assert float(train._falling(0.1, 0, 50)(0)) == pytest.approx(0.1)


def test_encoder_begins_with_the_weights_that_it_starts_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put_into(model: keras.Model, arrays: Path) -> None:
        assert arrays == tmp_path
        model.get_layer("conv1").bias.assign([1, 2, 3, 4])

    monkeypatch.setattr(whisper, "installed", lambda: tmp_path)
    monkeypatch.setattr(whisper, "read", lambda path: path)
    monkeypatch.setattr(whisper, "put_into", put_into)
    front_end = FRONT_ENDS["mel"]
    network = {"blocks": 1, "width": 4, "heads": 2}
    own = replace(TINY, model="encoder", front_end=front_end, network=network, start=whisper.NAME)
    model, _ = train.fit(own, sampler(front_end), None, tmp_path, epochs=0)
    assert model.model.get_layer("conv1").bias.numpy().tolist() == [1, 2, 3, 4]
