"""The settings of a run, as data that is stored with its result."""

from dataclasses import dataclass, field

from service.audio.features import FrontEnd
from training.augment import Augmentation


@dataclass(frozen=True)
class Configuration:
    """Everything that decides a run, but for the corpus and the code.

    ``epochs`` is the length of the learning rate's cosine decay; training stops earlier when the validation UAR has
    not improved for ``patience`` epochs. ``copies`` is how often an epoch shows each clip.
    """

    name: str
    version: str
    front_end: FrontEnd = field(default_factory=FrontEnd)
    channels: tuple[int, ...] = (16, 32, 64, 128)
    dense: int = 128
    dropout: float = 0.3
    augmentation: Augmentation = field(default_factory=Augmentation)
    copies: int = 2
    epochs: int = 40
    patience: int = 15
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    label_smoothing: float = 0.1
    seed: int = 0


SPEECH_EMOTION = Configuration("speech_emotion", "1.0.0", channels=(16, 48, 96, 128), epochs=60, patience=25)
VOCAL_BURST = Configuration("vocal_burst", "1.0.0", copies=1, epochs=20, patience=8)
