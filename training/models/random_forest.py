"""A Random Forest (Breiman 2001) over the statistics of a window's frames."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier

from service.audio.features import Floats

_OPSETS = {"": 17, "ai.onnx.ml": 3}
# No tree is so sure that the logarithm of its certainty should be infinite.
_LOWEST = 1e-4


@dataclass(frozen=True)
class Forest:
    """``model`` is a fitted classifier whose classes are 0, 1, …; its logits are the logarithms of its votes."""

    model: RandomForestClassifier

    @property
    def parameters(self) -> int:
        return sum(tree.tree_.node_count for tree in self.model.estimators_)

    def logits(self, inputs: Floats) -> Floats:
        votes: Floats = np.log(np.maximum(self.model.predict_proba(inputs), _LOWEST)).astype(np.float32)
        return votes

    def to_onnx(self, temperature: float) -> Any:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType

        graph = to_onnx(
            self.model,
            initial_types=[("input", FloatTensorType([None, self.model.n_features_in_]))],
            options={"zipmap": False, "output_class_labels": False},
            target_opset=_OPSETS,
        )
        votes = next(output for output in graph.graph.output if output.name == "probabilities")
        for node in graph.graph.node:
            node.output[:] = ["votes" if name == votes.name else name for name in node.output]
        for name, value in (("lowest", _LOWEST), ("sharpness", 1 / temperature)):
            graph.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        graph.graph.node.extend(
            [
                helper.make_node("Max", ["votes", "lowest"], ["certain"]),
                helper.make_node("Log", ["certain"], ["logits"]),
                helper.make_node("Mul", ["logits", "sharpness"], ["scaled"]),
                helper.make_node("Softmax", ["scaled"], [votes.name], axis=-1),
            ]
        )
        del graph.graph.output[:]
        graph.graph.output.append(
            helper.make_tensor_value_info(votes.name, TensorProto.FLOAT, [None, len(self.model.classes_)])
        )
        return graph


def random_forest(inputs: Floats, targets: Floats, *, trees: int = 300, leaves: int = 300, seed: int = 0) -> Forest:
    """Fit on ``inputs`` (n, values) and one-hot ``targets`` (n, classes), each tree with at most ``leaves`` leaves."""
    model = RandomForestClassifier(trees, max_leaf_nodes=leaves, random_state=seed)
    model.fit(inputs, targets.argmax(axis=1))
    for tree in model.estimators_:
        # ONNX compares in 32 bits: thresholds rounded down there decide as the 64 bits of scikit-learn do.
        thresholds = tree.tree_.threshold
        rounded = thresholds.astype(np.float32)
        too_high = rounded > thresholds
        rounded[too_high] = np.nextafter(rounded[too_high], np.float32(-np.inf))
        thresholds[:] = rounded
    return Forest(model)
