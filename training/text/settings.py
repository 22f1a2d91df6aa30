"""The settings of a fine-tuning run. They are part of the card, and another set of them is another run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """AdamW with a linear warm-up and decay (Devlin et al. 2019)."""

    seed: int = 20
    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 8e-5
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    gradient_norm: float = 1.0
    training_tokens: int = 96
    """A training text is cut here; it touches a handful of texts."""
    serving_tokens: int = 256
    """The exported tokenizer cuts here: the length that the encoder was made for."""
    goemotions_per_class: int = 4000
    """GoEmotions is sampled, as many texts of each class, so that the three corpora weigh about the same."""
    evaluations: int = 4
    checkpoint_steps: int = 100
    int8_loss_limit: float = 0.005
    """Macro F1 on dev that quantisation may cost; past it the fp32 model ships."""
