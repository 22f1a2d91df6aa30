"""What a run is decided by: the shipped files can be used, and a wrong one is told what is wrong with it."""

import inspect
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from service.audio.features import FEATURES, FrontEnd
from training.augment import Augmentation
from training.configuration import SHIPPED, Configuration, ConfigurationError, read, shipped
from training.models import FOREST, build
from training.models.random_forest import random_forest

NAMES = sorted(path.stem for path in SHIPPED.glob("*.toml"))
ROWS = [
    f"{corpus}_{model}_{features}"
    for corpus in ("ravdess", "emogator")
    for model in ("rf", "cnn1d", "cnn2d")
    for features in ("mfcc", "mel", "chroma", "zcr", "combined")
]
WHOLE = """
corpus = "EmoGator"
model = "random_forest"
version = "2.0.0"
selection = "by chance"
smote = true
copies = 2
epochs = 3
patience = 4
batch_size = 5
optimizer = "adam"
learning_rate = 1
cosine_decay = false
weight_decay = 0.5
label_smoothing = 0.25
seed = 7

[front_end]
n_fft = 512
hop_length = 256
n_mels = 32
features = ["mfcc", "zcr"]
n_mfcc = 13
statistics = true
dynamic_range_db = 60

[network]
trees = 10

[augmentation]
variants = ["telephone"]
tempo = 0.1
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_file_is_a_configuration_named_as_it_is(tmp_path: Path) -> None:
    assert read(write(tmp_path / "some_name.toml", WHOLE)) == Configuration(
        "some_name",
        "EmoGator",
        "random_forest",
        version="2.0.0",
        selection="by chance",
        front_end=FrontEnd(
            n_fft=512,
            hop_length=256,
            n_mels=32,
            features=("mfcc", "zcr"),
            n_mfcc=13,
            statistics=True,
            dynamic_range_db=60.0,
        ),
        network={"trees": 10},
        augmentation=Augmentation(variants=("telephone",), tempo=0.1),
        smote=True,
        copies=2,
        epochs=3,
        patience=4,
        batch_size=5,
        optimizer="adam",
        learning_rate=1.0,
        cosine_decay=False,
        weight_decay=0.5,
        label_smoothing=0.25,
        seed=7,
    )


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = read(write(tmp_path / "short.toml", 'corpus = "RAVDESS"\nmodel = "cnn1d"'))
    assert found == Configuration("short", "RAVDESS", "cnn1d")


LEAST = 'corpus = "RAVDESS"\nmodel = "cnn1d"\n'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (LEAST + "epoch = 3", "epoch: Unexpected keyword argument"),
        (LEAST + "[front_end]\nmels = 3", "front_end: mels: Unexpected keyword argument"),
        (LEAST + "[augmentation]\ntempi = 3", "augmentation: tempi: Unexpected keyword argument"),
        (LEAST + "[fron_end]\nn_mels = 3", "fron_end: Unexpected keyword argument"),
        (LEAST + 'name = "other"', "name: it is that of the file"),
        (LEAST + 'epochs = "60"', "epochs: Input should be a valid integer"),
        (LEAST + "epochs = 6.5", "epochs: Input should be a valid integer"),
        (LEAST + "epochs = true", "epochs: Input should be a valid integer"),
        (LEAST + "smote = 1", "smote: Input should be a valid boolean"),
        (LEAST + 'learning_rate = "fast"', "learning_rate: Input should be a valid number"),
        (LEAST + "version = 1.0", "version: Input should be a valid string"),
        (LEAST + "epochs = 2026-01-01", "epochs: Input should be a valid integer"),
        (LEAST + "front_end = 3", "front_end: Input should be an object"),
        (LEAST + 'augmentation = "none"', "augmentation: Input should be an object"),
        (LEAST + "network = [1]", "network: Input should be an object"),
        (LEAST + 'front_end = {n_mels = "64"}', "front_end: n_mels: Input should be a valid integer"),
        (LEAST + 'front_end = {features = "mel"}', "front_end: features: Input should be a valid array"),
        (LEAST + 'front_end = {features = ["pitch"]}', "front_end: Value error, features are ('pitch',)"),
        (LEAST + 'front_end = {features = ["mfcc"], n_mels = 26}', "n_mfcc is 40, more than the 26 of n_mels"),
        (LEAST + "augmentation = {mixup = false}", "augmentation: mixup: Input should be a valid number"),
        (LEAST + 'augmentation = {variants = ["radio"]}', "augmentation: Value error, variants are ('radio',)"),
        (LEAST + "epochs = 3\nwarmup = 3", "warmup is 3, which is not from 0 to less than the 3 epochs"),
        (LEAST + "linear_probe = true", "linear_probe: there is nothing to fit the head of a new cnn1d on"),
        (LEAST + "augmentation = {variants = []}", "augmentation: Value error, variants are ()"),
        ('corpus = "TESS"\nmodel = "cnn1d"', "corpus: Input should be 'RAVDESS' or 'EmoGator'"),
        ('corpus = "RAVDESS"\nmodel = "svm"', "model: Input should be 'random_forest', 'cnn1d'"),
        (LEAST + 'optimizer = "sgd"', "optimizer: Input should be 'adamw', 'adam' or 'rmsprop'"),
        ('model = "cnn1d"', "corpus: Field required"),
        ('corpus = "RAVDESS"', "model: Field required"),
        (LEAST + "front_end = {statistics = true}", "statistics: a forest takes statistics and a network does not"),
        ('corpus = "RAVDESS"\nmodel = "random_forest"', "statistics: a forest takes statistics"),
        ("corpus = RAVDESS", "Invalid value"),
        ("epochs = 1\nepochs = 2", "Cannot overwrite a value"),
    ],
)
def test_error_names_the_file_and_the_setting(text: str, wrong: str, tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.toml", text)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(str(path))}: .*{re.escape(wrong)}"):
        read(path)


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.toml", LEAST + "epochs = true\nsmote = 3\n[front_end]\nn_mels = 1.5")
    with pytest.raises(ConfigurationError, match=r"front_end: n_mels: .*; smote: .*; epochs: "):
        read(path)


def test_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml.*No such file"):
        read(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"binary\.toml.*decode"):
        read(tmp_path / "binary.toml")
    with pytest.raises(ConfigurationError, match="no_such_row"):
        shipped("no_such_row")


@pytest.mark.parametrize(
    "wrong",
    ['corpus = "EmoGator"', "smote = true", "label_smoothing = 0.1"],
)
def test_corpus_beside_is_for_what_can_be_learnt_from_it(tmp_path: Path, wrong: str) -> None:
    corpus = "" if wrong.startswith("corpus") else 'corpus = "RAVDESS"'
    path = tmp_path / "mine.toml"
    path.write_text(f'{corpus}\nmodel = "cnn1d"\nbeside = "CREMA-D"\n{wrong}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="beside: "):
        read(path)


def test_there_is_one_for_every_row_of_the_paper() -> None:
    assert {*ROWS, "ravdess_cnn_bilstm_combined", "emogator_cnn_bilstm_combined"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_configuration_describes_a_model_that_can_be_built(name: str) -> None:
    configuration = shipped(name)
    shape, options = configuration.front_end.shape, configuration.network
    if configuration.model == FOREST:
        known = inspect.signature(random_forest).parameters
        assert set(options) <= set(known) - {"inputs", "targets", "seed"}
    else:
        network = build(configuration.model, shape, 8, options)
        assert (network.input_shape, network.output_shape) == ((None, *shape), (None, 8))
        assert network.name == configuration.model


@pytest.mark.parametrize("name", ROWS)
def test_row_is_what_its_name_says(name: str) -> None:
    corpus, model, features = name.split("_")
    configuration = shipped(name)
    assert configuration.corpus.lower() == corpus
    assert configuration.model == {"rf": FOREST}.get(model, model)
    assert configuration.front_end.features == (FEATURES if features == "combined" else (features,))
    assert configuration.front_end.sample_rate == 16_000


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("_smote", "_plain", "_rmsprop"))])
def test_comparison_differs_from_its_row_in_what_its_name_says(name: str) -> None:
    row, what = name.rsplit("_", 1)
    differing: dict[str, set[str]] = {
        "smote": {"smote"},
        "plain": {"augmentation", "copies"},
        "rmsprop": {"optimizer", "learning_rate", "cosine_decay", "epochs", "patience"},
    }
    one, other = (asdict(shipped(each)) for each in (row, name))
    changed: set[str] = {setting for setting, value in one.items() if other[setting] != value} - {"name"}
    assert changed
    assert changed <= differing[what]


def test_the_papers_optimizer_is_beside_ours() -> None:
    """RMSprop at 5e-5."""
    configuration: dict[str, Any] = asdict(shipped("ravdess_cnn2d_mfcc_rmsprop"))
    assert (configuration["optimizer"], configuration["learning_rate"]) == ("rmsprop", 5e-5)
