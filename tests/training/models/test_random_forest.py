"""The forest decides in 32 bits as scikit-learn does in 64, and is the same for the same seed."""

import numpy as np
import onnxruntime as ort
import pytest
from sklearn.ensemble import RandomForestClassifier

from service.audio.features import Floats
from training.models.random_forest import Forest, random_forest

CLASSES = 4


def examples(count: int = 400, seed: int = 0) -> tuple[Floats, Floats]:
    """Values with 24 significant bits, so that the means between them, which trees ask for, need 25."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(CLASSES, size=count)
    inputs = rng.normal(size=(count, 10)) + 0.7 * truth[:, None] * np.linspace(0, 1, 10)
    return inputs.astype(np.float32), np.eye(CLASSES, dtype=np.float32)[truth]


@pytest.fixture(scope="module")
def forest() -> Forest:
    return random_forest(*examples(), trees=20, leaves=60, seed=3)


@pytest.fixture(scope="module")
def in_64_bits() -> RandomForestClassifier:
    """The same forest as scikit-learn left it."""
    inputs, targets = examples()
    return RandomForestClassifier(20, max_leaf_nodes=60, random_state=3).fit(inputs, targets.argmax(axis=1))


@pytest.fixture(scope="module")
def on_the_edge(in_64_bits: RandomForestClassifier) -> Floats:
    """Samples that lie exactly on a threshold, or as close to it as 32 bits can tell, on either side."""
    rng = np.random.default_rng(1)
    samples = []
    for tree in (estimator.tree_ for estimator in in_64_bits.estimators_):
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            if feature >= 0:
                nearest = np.float32(threshold)
                for value in (nearest, np.nextafter(nearest, -np.inf), np.nextafter(nearest, np.inf)):
                    sample = rng.normal(size=10).astype(np.float32)
                    sample[feature] = value
                    samples.append(sample)
    return np.stack(samples)


def test_thresholds_decide_the_same_in_32_bits(
    forest: Forest, in_64_bits: RandomForestClassifier, on_the_edge: Floats
) -> None:
    between = [
        (tree.tree_.threshold != tree.tree_.threshold.astype(np.float32)).any() for tree in in_64_bits.estimators_
    ]
    assert all(between)
    for tree in forest.model.estimators_:
        assert np.array_equal(tree.tree_.threshold, tree.tree_.threshold.astype(np.float32))
    assert len(on_the_edge) > 2000
    assert np.array_equal(forest.model.predict_proba(on_the_edge), in_64_bits.predict_proba(on_the_edge))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_onnx_decides_the_same_on_every_threshold(
    forest: Forest, in_64_bits: RandomForestClassifier, on_the_edge: Floats, temperature: float
) -> None:
    session = ort.InferenceSession(forest.to_onnx(temperature).SerializeToString(), providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {"input": on_the_edge})
    votes = np.maximum(in_64_bits.predict_proba(on_the_edge), 1e-4) ** (1 / temperature)
    assert np.abs(probabilities - votes / votes.sum(axis=1, keepdims=True)).max() < 1e-6


def test_logits_are_the_logarithms_of_the_votes_and_finite(forest: Forest) -> None:
    inputs, _ = examples(seed=5)
    logits = forest.logits(inputs)
    votes = forest.model.predict_proba(inputs)
    assert (votes == 0).any()
    assert np.allclose(np.exp(logits[votes > 0]), votes[votes > 0], rtol=1e-5)
    assert np.allclose(logits[votes == 0], np.log(1e-4))


def test_parameters_are_the_nodes(forest: Forest) -> None:
    leaves = sum(tree.get_n_leaves() for tree in forest.model.estimators_)
    assert forest.parameters == 2 * leaves - 20


def test_trees_and_leaves_are_as_many_as_asked_for(forest: Forest) -> None:
    assert len(forest.model.estimators_) == 20
    assert max(tree.get_n_leaves() for tree in forest.model.estimators_) == 60
    assert len(random_forest(*examples(50)).model.estimators_) == 300


def test_same_seed_grows_the_same_forest(forest: Forest) -> None:
    inputs, _ = examples(seed=5)
    again, other = (random_forest(*examples(), trees=20, leaves=60, seed=seed) for seed in (3, 4))
    assert np.array_equal(again.logits(inputs), forest.logits(inputs))
    assert not np.array_equal(other.logits(inputs), forest.logits(inputs))


def test_it_has_learnt_something(forest: Forest) -> None:
    inputs, targets = examples(seed=5)
    assert (forest.logits(inputs).argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.5
