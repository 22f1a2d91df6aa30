"""SMOTE makes points between those it is given, and is given the training part alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.audio.features import Floats, FrontEnd
from tests.training.made_up import FRONT_ENDS, PLAIN, noise
from training.augment import Augmentation, Sampler
from training.balance import balanced

# Class 0 is the largest, class 3 does not occur.
SIZES = (12, 5, 3, 0)


def points(sizes: Sequence[int], shape: tuple[int, ...] = (6,), seed: int = 0) -> tuple[Floats, Floats]:
    """So many points of each class, each class around a place of its own."""
    truth = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    inputs = 10 * truth.reshape(-1, *[1] * len(shape)) + rng.normal(size=(len(truth), *shape))
    return inputs.astype(np.float32), np.eye(len(sizes), dtype=np.float32)[truth]


def detour(point: Floats, members: Floats) -> float:
    """How much longer the way between two of ``members`` is by ``point``, at the least."""
    way = np.linalg.norm(members - point, axis=1)
    straight = np.linalg.norm(members[:, None] - members[None], axis=2)
    return float((way[:, None] + way[None] - straight).min())


@pytest.mark.parametrize("shape", [(6,), (5, 4), (7, 1)])
def test_every_made_up_point_lies_between_two_members_of_its_class(shape: tuple[int, ...]) -> None:
    inputs, targets = points(SIZES, shape)
    made, labels = balanced(inputs, targets, seed=1)
    assert np.array_equal(made[:20], inputs)
    assert np.array_equal(labels[:20], targets)
    for point, label in zip(made[20:], labels[20:], strict=True):
        members = inputs[targets.argmax(axis=1) == label.argmax()].reshape(-1, point.size)
        assert detour(point.ravel(), members) < 1e-4
    others = inputs[targets.argmax(axis=1) == 0].reshape(12, -1)
    assert detour(made[-1].ravel(), others) > 1


@hypothesis_settings(max_examples=30)
@given(st.lists(st.one_of(st.just(0), st.integers(2, 15)), min_size=2, max_size=5).filter(any))
def test_every_class_that_occurs_becomes_as_large_as_the_largest(sizes: list[int]) -> None:
    if sum(map(bool, sizes)) < 2:
        sizes = [*sizes, 2]
    made, labels = balanced(*points(sizes), seed=0)
    assert made.dtype == labels.dtype == np.float32
    assert labels.sum(axis=0).tolist() == [max(sizes) if size else 0 for size in sizes]
    assert (labels.sum(axis=1) == 1).all()


def test_nothing_is_made_up_while_a_class_has_one_member() -> None:
    """It has no neighbours to make points with."""
    inputs, targets = points((8, 3, 1))
    made, labels = balanced(inputs, targets, seed=0)
    assert np.array_equal(made, inputs)
    assert np.array_equal(labels, targets)


def test_even_classes_stay_as_they_are() -> None:
    inputs, targets = points((4, 4))
    assert np.array_equal(balanced(inputs, targets, seed=0)[0], inputs)


def test_same_seed_makes_the_same_points() -> None:
    first, again, other = (balanced(*points(SIZES), seed=seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("front_end", FRONT_ENDS.values(), ids=FRONT_ENDS)
@pytest.mark.parametrize("augmentation", [PLAIN, Augmentation()], ids=["plain", "augmented"])
def test_an_epoch_is_evened_out_with_the_training_part_alone(front_end: FrontEnd, augmentation: Augmentation) -> None:
    """Every clip of another part is not a number, and so would be whatever is made with it."""
    features = noise(front_end, [60] * 40)
    for frames, starts in zip(features.frames, features.starts, strict=True):
        frames[starts[20] :] = np.nan
    for windows in features.windows.values():
        windows[20:] = np.nan
    truth = np.concatenate([np.repeat([0, 1, 2], [12, 5, 3]), np.full(20, 2)])
    targets = np.eye(3, dtype=np.float32)[truth]
    targets[20:] = np.nan
    sampler = Sampler(features, front_end, augmentation, np.arange(20), targets, copies=2, smote=True, seed=0)
    for epoch in range(3):
        inputs, shares = sampler.epoch(epoch)
        assert inputs.shape == (72, *front_end.shape)
        assert np.isfinite(inputs).all()
        assert np.isfinite(shares).all()
        if not augmentation.mixup:
            assert shares.sum(axis=0).tolist() == [24, 24, 24]


def test_balanced_epoch_is_the_same_at_every_call() -> None:
    front_end = FRONT_ENDS["statistics of combined"]
    targets = np.eye(2, dtype=np.float32)[np.repeat([0, 1], [7, 3])]
    sampler = Sampler(noise(front_end, [60] * 10), front_end, PLAIN, np.arange(10), targets, 1, True, 0)
    first, again, other = sampler.epoch(1), sampler.epoch(1), sampler.epoch(2)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[0].tobytes() != other[0].tobytes()
