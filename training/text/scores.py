"""What is made of a model's numbers in training and evaluation alike."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import softmax

from service.emotions import GOEMOTIONS, TEXT_EMOTIONS
from training.text.metrics import macro_f1
from training.text.tokens import Encoded, Floats


def probabilities(logits: Floats) -> Floats:
    """Softmax over the labels of ``logits`` (N, labels)."""
    values: Floats = softmax(logits, axis=1)
    return values


def grouped(emotions: Floats, labels: Sequence[str]) -> Floats:
    """Probabilities (N, 7) of the emotions of texts, of those (N, labels) of the GoEmotions ``labels``."""
    groups = np.array([[GOEMOTIONS[label] == group for group in TEXT_EMOTIONS] for label in labels], dtype=np.float32)
    return emotions @ groups


def macro_f1_by_head(
    part: Encoded, found: Mapping[str, Floats], heads: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Macro F1 of each head over the texts of ``part`` that have one sentiment, or one of the seven emotions.

    ``found`` holds probabilities (N, labels) by head. A head of which nothing is known is left out.
    """
    scores = {}
    for head, values in found.items():
        targets = part.targets(head)
        rows = targets.max(1) == 1
        if rows.any():
            score = grouped(values, heads[head]) if head == "emotion" else values
            scores[head] = macro_f1(targets[rows].argmax(1), score[rows])
    return scores
