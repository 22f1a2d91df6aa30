"""Pictures of Random Forests."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestClassifier

from service.audio.features import CHROMA, STATISTICS, FrontEnd
from training.plots import forest_picture

TREES = 12


def stored(front_end: FrontEnd, column: int, path: Path) -> RandomForestClassifier:
    """A forest that can only ask about one value, in a file as an export writes it."""
    from skl2onnx import to_onnx

    rng = np.random.default_rng(0)
    inputs = np.zeros((200, *front_end.shape), dtype=np.float32)
    inputs[:, column] = rng.normal(size=200)
    model = RandomForestClassifier(TREES, max_leaf_nodes=9, random_state=0).fit(inputs, inputs[:, column] > 0)
    graph = to_onnx(model, inputs[:1], options={"zipmap": False})
    described = {"front_end": json.dumps(asdict(front_end)), "labels": json.dumps(["calm", "happy"])}
    onnx.helper.set_model_props(graph, described)
    path.write_bytes(graph.SerializeToString())
    return model


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.axes[0].texts)


@pytest.mark.parametrize(
    ("features", "column", "question"),
    [
        (("mfcc",), 2, "mean of MFCC 3"),
        (("mel", "chroma"), 64 + CHROMA + 63, "deviation of mel band 64"),
        (("chroma", "zcr"), 7 * (CHROMA + 1) + CHROMA, "90 % quantile of zero crossings"),
    ],
)
def test_the_first_question_names_the_feature(
    features: tuple[str, ...], column: int, question: str, tmp_path: Path, drawn: Callable[..., Figure]
) -> None:
    model = stored(FrontEnd(features=features, statistics=True), column, tmp_path / "forest.onnx")
    written = words(drawn(lambda path: forest_picture(tmp_path / "forest.onnx", "title", path)))
    for number, tree in ((1, model.estimators_[0].tree_), (2, model.estimators_[1].tree_), (TREES, model[-1].tree_)):
        asked = f"{question} ≤ {np.float32(tree.threshold[0]):.3g}?".replace("-", "−")
        assert f"tree {number}: {tree.n_leaves} leaves\n{asked}" in written
    leaves = sum(tree.tree_.n_leaves for tree in model)
    assert f"{TREES} trees, {leaves} leaves" in written


def test_it_tells_what_goes_in_and_what_comes_out(tmp_path: Path, drawn: Callable[..., Figure]) -> None:
    front_end = FrontEnd(features=("mfcc", "zcr"), statistics=True)
    stored(front_end, 0, tmp_path / "forest.onnx")
    written = words(drawn(lambda path: forest_picture(tmp_path / "forest.onnx", "title", path)))
    assert "94 frames of\n40 × MFCC\n1 × zero crossings" in written
    assert f"{41 * len(STATISTICS)} values" in written
    assert "calm\nhappy" in written


def test_a_model_without_trees_is_refused(models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no forest"):
        forest_picture(models_dir / "vocal_burst" / "model.onnx", "title", tmp_path / "forest.png")
