"""The settings of a run: a small TOML file, and data that is stored with its result."""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from service.audio.features import FrontEnd
from training.augment import Augmentation
from training.models import FOREST

SHIPPED: Final = Path(__file__).parent / "configurations"


class ConfigurationError(Exception):
    """A configuration cannot be used. The message names the file, the setting and what is wrong with it."""


@dataclass(frozen=True)
class Configuration:
    """Everything that decides a run, but for the corpus's files and the code.

    ``selection`` says how the settings were chosen. ``network`` are the options of the model. ``epochs`` is the
    length of a run, and of the learning rate's cosine decay where there is one; in the first ``warmup`` of them the
    rate rises from 0. Training stops earlier when the validation loss has not improved for ``patience`` epochs.
    ``copies`` is how often an epoch shows each clip. ``start`` names the weights that a network starts with
    (:mod:`training.models.whisper`). ``precision`` is the Keras policy of a network while it trains. With ``refit``
    the epoch and the temperature are chosen on validation speakers, and the network of that many epochs then trained
    on them, too. ``teacher`` names a configuration whose run on the same split a network learns from, too. With
    ``linear_probe`` the head is fitted first, with ``probe_freedom`` (:mod:`training.probing`). ``averaging`` is the
    momentum of an exponential moving average over the batches, whose weights are what a run ends with (Polyak &
    Juditsky 1992); 0 for none. With ``int8`` a network is measured and exported with its matrices in 8 bits
    (:mod:`training.models.quantised`). ``beside`` names a corpus of which an epoch shows as many clips as of the run's
    own, for the sake of its speakers; what it has no clips of, it says nothing about (:mod:`training.known`).

    Raises:
        ValueError: the model does not take what the front end makes, or the warmup lasts for ever.
    """

    name: str
    corpus: Literal["RAVDESS", "EmoGator"]
    model: Literal["random_forest", "cnn1d", "cnn2d", "cnn_bilstm", "encoder"]
    version: str = "1.0.0"
    selection: str = (
        "the settings were explored on the first fold and the first random split, by validation loss but with their "
        "test figures in view, so that the figures are slightly optimistic"
    )
    front_end: FrontEnd = field(default_factory=FrontEnd)
    network: dict[str, Any] = field(default_factory=dict)
    augmentation: Augmentation = field(default_factory=Augmentation)
    smote: bool = False
    copies: int = 1
    epochs: int = 100
    patience: int = 30
    batch_size: int = 32
    optimizer: Literal["adamw", "adam", "rmsprop"] = "adamw"
    learning_rate: float = 2e-3
    cosine_decay: bool = True
    warmup: int = 0
    weight_decay: float = 1e-3
    label_smoothing: float = 0.0
    seed: int = 0
    start: Literal["", "whisper-tiny.en"] = ""
    teacher: str = ""
    beside: Literal["", "CREMA-D"] = ""
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    linear_probe: bool = False
    probe_freedom: float = 0.003
    averaging: float = 0.0
    refit: bool = False
    int8: bool = False

    def __post_init__(self) -> None:
        if self.front_end.statistics != (self.model == FOREST):
            raise ValueError(
                f"front_end.statistics: a forest takes statistics and a network does not; this is a {self.model}"
            )
        if self.linear_probe and self.model != "encoder":
            raise ValueError(f"linear_probe: there is nothing to fit the head of a new {self.model} on")
        if self.beside and (self.corpus != "RAVDESS" or self.model == FOREST):
            raise ValueError(f"beside: {self.beside} has emotions of RAVDESS, for networks to learn")
        if self.beside and (self.smote or self.label_smoothing):
            raise ValueError("beside: a target that says nothing about a class is neither blended nor smoothed")
        if not 0 <= self.warmup < self.epochs:
            raise ValueError(f"warmup is {self.warmup}, which is not from 0 to less than the {self.epochs} epochs")


_CONFIGURATION: Final = TypeAdapter(Configuration)


def read(path: Path) -> Configuration:
    """The configuration in the TOML file ``path``, named as the file is.

    Raises:
        ConfigurationError: it cannot be read, or a setting is unknown, of the wrong type or does not fit the others.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        if "name" in settings:
            raise ValueError("name: it is that of the file")
        described = json.dumps({"name": path.stem, **settings}, default=str)
        return _CONFIGURATION.validate_json(described, strict=True, extra="forbid")
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(str, each["loc"]), each["msg"]]) for each in error.errors())
        raise ConfigurationError(f"{path}: {wrong}") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def shipped(name: str) -> Configuration:
    """Raises: ConfigurationError."""
    return read(SHIPPED / f"{name}.toml")
