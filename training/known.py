"""Learning from clips of another corpus, which may lack some of the classes.

Whoever was asked for six emotions has not shown that he was not calm: a clip's loss is that of the softmax over those
classes alone that its corpus knows.
"""

from typing import Any, Final

import keras

_NEVER: Final = -1e9


@keras.saving.register_keras_serializable("voice-to-value")  # type: ignore[untyped-decorator]
def crossentropy_of_known(targets: Any, logits: Any) -> Any:
    """Of each clip, from ``targets``, some of them :data:`training.augment.UNKNOWN`, and ``logits`` (n, classes)."""
    ops = keras.ops
    known = ops.greater_equal(targets, 0)
    said = ops.log_softmax(ops.where(known, logits, _NEVER), axis=-1)
    return -ops.sum(ops.where(known, targets * said, 0.0), axis=-1)
