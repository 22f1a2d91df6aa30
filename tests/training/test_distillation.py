"""A student's targets: half what the windows are, half what the teacher makes of them, a little less sure of itself."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from training.augment import UNKNOWN
from training.distillation import taught


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """Says of each window what it is given."""
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("input", "probabilities")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input"], ["probabilities"])], "teacher", shapes[:1], shapes[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, tmp_path / "teacher.onnx")
    return tmp_path / "teacher.onnx"


def test_targets_are_half_the_teachers(teacher: Path) -> None:
    said = np.array([[0.9, 0.1], [0.5, 0.5], [0.0, 1.0]], dtype=np.float32)
    targets = np.array([[1, 0]] * 3, dtype=np.float32)
    blended = taught(targets, said, np.arange(3), teacher)
    # The square roots of 0.9 and 0.1 are as 3 to 1.
    assert blended == pytest.approx(np.array([[0.875, 0.125], [0.75, 0.25], [0.5, 0.5]]), abs=1e-6)
    assert targets.tolist() == [[1, 0]] * 3


def test_clip_of_several_windows_is_what_is_said_of_them_together(teacher: Path) -> None:
    said = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    blended = taught(np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32), said, np.array([0, 0, 2]), teacher)
    assert blended.tolist() == [[0.75, 0.25], [0, 1], [0.5, 0.5]]


def test_every_window_is_heard_however_many_there_are(teacher: Path) -> None:
    said = np.random.default_rng(0).dirichlet([1, 1], 150).astype(np.float32)
    blended = taught(np.zeros((150, 2), dtype=np.float32), said, np.arange(150), teacher)
    assert np.argmax(blended, axis=1).tolist() == np.argmax(said, axis=1).tolist()


def test_teacher_knows_a_class_that_the_clip_s_corpus_does_not(teacher: Path) -> None:
    said = np.array([[0.5, 0.5], [0.5, 0.5]], dtype=np.float32)
    blended = taught(np.array([[1, UNKNOWN]] * 2, dtype=np.float32), said, np.array([0, 0]), teacher)
    assert blended.tolist() == [[0.75, 0.25], [1, UNKNOWN]]
