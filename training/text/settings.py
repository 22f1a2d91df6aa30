"""The settings of a fine-tuning run. They are part of the card, and another set of them is another run."""

from dataclasses import dataclass
from typing import Final

from service.emotions import GOEMOTIONS, SENTIMENTS

HEADS: Final = {"sentiment": SENTIMENTS, "emotion": tuple(GOEMOTIONS)}
"""What a model can be trained to tell, and the labels of each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """AdamW with a linear warm-up and decay (Devlin et al. 2019)."""

    heads: tuple[str, ...] = tuple(HEADS)
    seed: int = 20
    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 1e-4
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    gradient_norm: float = 1.0
    bfloat16: bool = True
    """Matrix products of the training in bfloat16, the weights in float32."""
    training_tokens: int = 96
    """A training text is cut here; it touches a handful of texts."""
    serving_tokens: int = 256
    """The window in which the service reads: the length that the encoder was made for."""
    serving_overlap: int = 32
    evaluations: int = 6
    checkpoint_steps: int = 100
