"""A linear probe: the head of a pretrained network is fitted before anything below it moves.

A head that knows nothing would first send the layers that know much the wrong way (Kumar et al. 2022).
"""

from typing import Any

import keras
from sklearn.linear_model import LogisticRegression

from service.audio.features import Floats


def probe(model: Any, inputs: Floats, targets: Floats, *, freedom: float) -> None:
    """Standardise what the head of ``model`` is given for ``inputs`` and fit its logits to ``targets`` (n, classes).

    The less ``freedom`` (scikit-learn's C), the smaller the weights must be: there are few clips for so many of them.
    """
    features = keras.Model(model.input, model.get_layer("statistics").output).predict(inputs, batch_size=64, verbose=0)
    standardised = model.get_layer("standardised")
    standardised.set_weights([features.mean(axis=0), features.var(axis=0)])
    regression = LogisticRegression(C=freedom, max_iter=300).fit(standardised(features), targets.argmax(axis=1))
    model.get_layer("logits").set_weights([regression.coef_.T, regression.intercept_])
