"""The clips of one part of a split, as the windows that the service would cut, and what a model makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from service.audio.features import Floats
from training import conformal
from training.calibrate import clip_probabilities, fit_temperature, log_loss
from training.metrics import Predictions, Tally, confusion_matrix, unweighted_average_recall
from training.models import Trained
from training.splits import Indices


@dataclass(frozen=True)
class Evaluated:
    """Windows of some clips in each band: inputs (windows, *front_end.shape), whose each is, and the clips' classes and
    speakers."""

    windows: Mapping[str, Floats]
    owner: Indices
    truth: Indices
    speakers: tuple[str, ...]

    def logits(self, model: Trained) -> dict[str, Floats]:
        return {band: model.logits(inputs) for band, inputs in self.windows.items()}

    def uar(self, logits: Mapping[str, Floats]) -> float:
        """Unweighted average recall, mean of the bands."""
        values = []
        for band in logits.values():
            probabilities = self._probabilities(band, 1.0)
            confusion = confusion_matrix(self.truth, probabilities.argmax(axis=1), probabilities.shape[1])
            values.append(unweighted_average_recall(confusion))
        return float(np.mean(values))

    def calibrate(self, logits: Mapping[str, Floats]) -> tuple[float, float]:
        """The likeliest temperature for all bands together, and the log loss at it."""
        stacked = np.concatenate([logits[band] for band in self.windows])
        truth = np.tile(self.truth, len(self.windows))
        owner = np.concatenate([self.owner + index * len(self.truth) for index in range(len(self.windows))])
        temperature = fit_temperature(stacked, truth, owner)
        return temperature, log_loss(stacked, truth, owner, temperature)

    def tallies(self, logits: Mapping[str, Floats], temperature: float) -> dict[str, Tally]:
        """What the figures of each band are made of."""
        speakers = np.asarray(self.speakers)
        return {
            band: Tally.of(Predictions(self._probabilities(logits[band], temperature), self.truth, speakers))
            for band in self.windows
        }

    def sets(self, logits: Mapping[str, Floats], temperature: float) -> dict[str, conformal.Counts]:
        """What prediction sets would hold of each band."""
        return {band: conformal.count(self._probabilities(logits[band], temperature), self.truth) for band in logits}

    def _probabilities(self, logits: Floats, temperature: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return clip_probabilities(logits, temperature, self.owner, len(self.truth))
