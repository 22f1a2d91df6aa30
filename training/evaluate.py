"""The clips of one part of a split, as the windows that the service would cut, and what a model makes of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.audio.features import Floats
from training.calibrate import clip_probabilities
from training.metrics import confusion_matrix, unweighted_average_recall
from training.splits import Indices

if TYPE_CHECKING:
    import keras  # TensorFlow takes seconds to import, and only the runs need it


@dataclass(frozen=True)
class Evaluated:
    """Windows of some clips in each band: inputs (windows, frames, n_mels), whose each is, the clips' classes."""

    windows: dict[str, Floats]
    owner: Indices
    truth: Indices

    def logits(self, model: "keras.Model") -> dict[str, Floats]:
        return {band: model.predict(inputs, batch_size=128, verbose=0) for band, inputs in self.windows.items()}

    def uar(self, logits: dict[str, Floats]) -> float:
        """Unweighted average recall, mean of the bands."""
        values = []
        for band in logits.values():
            probabilities = clip_probabilities(band, 1.0, self.owner, len(self.truth))
            classes = probabilities.shape[1]
            values.append(
                unweighted_average_recall(confusion_matrix(self.truth, probabilities.argmax(axis=1), classes))
            )
        return float(np.mean(values))
