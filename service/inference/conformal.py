"""Prediction sets: not one label, but those among which the true one is as often as promised.

Sadinle, M., Lei, J. & Wasserman, L. (2019). Least ambiguous set-valued classifiers with bounded error levels. JASA 114.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from service.inference.metadata import read_strictly


@dataclass(frozen=True, slots=True)
class Conformal:
    """What a model promises of its sets. Its fields travel in the ONNX metadata.

    Attributes:
        coverage: how often a set holds the true label, of speakers that the model has not heard.
        least_score: that a label of the set has.
    """

    coverage: Annotated[float, Field(gt=0, lt=1)]
    least_score: Annotated[float, Field(gt=0, le=1)]

    def prediction_set(self, scores: Mapping[str, float]) -> list[str]:
        """The labels with at least ``least_score``, and the likeliest in any case; the likeliest first."""
        likely = sorted(scores, key=scores.__getitem__, reverse=True)
        return [label for label in likely if label == likely[0] or scores[label] >= self.least_score]


_CONFORMAL: Final = TypeAdapter(Conformal)


def read_conformal(described: str) -> Conformal:
    """What ``described``, a JSON object of all the fields, promises.

    Raises:
        ValueError: it is none.
    """
    return read_strictly(_CONFORMAL, described)
