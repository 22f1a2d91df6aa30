"""Training windows differ every time, and are the same again for the same seed and epoch."""

from dataclasses import replace

import numpy as np
import pytest

from service.audio.features import FrontEnd
from training.augment import Augmentation, Sampler
from training.features import Features

NONE = Augmentation(tempo=0, warp=0, tilt_db=0, floor_db=80, frequency_mask=0, time_mask=0, mixup=0)


@pytest.fixture(scope="module")
def sampler(tiny_features: Features) -> Sampler:
    targets = np.eye(5, dtype=np.float32)[np.arange(150) % 5]
    return Sampler(tiny_features, FrontEnd(), Augmentation(), np.arange(100), targets, copies=2, seed=1)


def test_epoch_is_repeatable_and_epochs_differ(sampler: Sampler) -> None:
    first, again, second = sampler.epoch(3), sampler.epoch(3), sampler.epoch(4)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], second[0])


def test_windows_are_model_inputs(sampler: Sampler) -> None:
    windows, targets = sampler.epoch(0)
    assert windows.shape == (200, FrontEnd().frames, FrontEnd().n_mels)
    assert windows.dtype == np.float32
    assert windows.min() >= -FrontEnd().dynamic_range_db
    assert windows.max() <= 0
    assert np.allclose(targets.sum(axis=1), 1)


def test_only_the_given_clips_are_drawn(sampler: Sampler) -> None:
    """A clip of another part has another target, which must never appear."""
    marked = sampler.targets.copy()
    marked[100:] = np.nan
    _, targets = replace(sampler, targets=marked).epoch(0)
    assert np.isfinite(targets).all()


def test_window_holds_its_clips_pitch(sampler: Sampler) -> None:
    """The loudest mel band of a tone is where it was, but for the paces that the variants change it by."""
    features = sampler.features
    windows, _ = replace(sampler, augmentation=NONE, clips=np.array([7]), copies=32).epoch(0)
    expected = features.windows["wideband"][features.owner == 7][0].astype(np.float32)
    loudest = windows.max(axis=1).argmax(axis=1)
    assert np.abs(loudest - expected.max(axis=0).argmax()).max() <= 3
