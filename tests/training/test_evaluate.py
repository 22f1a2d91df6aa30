"""What a model makes of the clips of a part: all bands count, and a clip is the mean of its windows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from service.audio.features import Floats
from training.calibrate import fit_temperature
from training.evaluate import Evaluated


@dataclass(frozen=True)
class Echo:
    """A model whose logits are its input."""

    parameters: int = 0

    def logits(self, inputs: Floats) -> Floats:
        return inputs

    def to_onnx(self, temperature: float) -> Any:
        raise NotImplementedError


def windows(*answers: int, sure: float = 2.0) -> Floats:
    """A window for each of ``answers``, among three."""
    return sure * np.eye(3, dtype=np.float32)[list(answers)]


@pytest.fixture
def evaluated() -> Evaluated:
    """Three clips, the second of two windows; the telephone makes the last clip another class."""
    return Evaluated(
        {"wideband": windows(0, 1, 1, 2), "telephone": windows(0, 1, 1, 0)},
        np.array([0, 1, 1, 2]),
        np.array([0, 1, 2]),
        ("ann", "ann", "bob"),
    )


def test_logits_are_those_of_each_band(evaluated: Evaluated) -> None:
    logits = evaluated.logits(Echo())
    assert list(logits) == ["wideband", "telephone"]
    assert np.array_equal(logits["telephone"], windows(0, 1, 1, 0))


def test_uar_is_the_mean_of_the_bands(evaluated: Evaluated) -> None:
    assert evaluated.uar(evaluated.logits(Echo())) == pytest.approx((1 + 2 / 3) / 2)


def test_clip_is_the_mean_of_its_windows() -> None:
    """A sure window outvotes two that are not."""
    logits = np.array([[4, 0, 0], [0, 0.5, 0], [0, 0.5, 0]], dtype=np.float32)
    evaluated = Evaluated({"wideband": logits}, np.array([0, 0, 0]), np.array([0]), ("ann",))
    tally = evaluated.tallies(evaluated.logits(Echo()), 1.0)["wideband"]
    assert tally.total[0].tolist() == [1, 0, 0]
    mean = softmax(logits, axis=1).mean(axis=0)
    assert tally.reliability[:, 2].sum() == pytest.approx(mean.max())


def test_one_temperature_is_fitted_to_all_bands_together() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=400)
    right = 2 * np.eye(3)[truth]
    bands = {"wideband": right + rng.normal(size=(400, 3)), "telephone": 0.2 * right + rng.normal(size=(400, 3))}
    evaluated = Evaluated(bands, np.arange(400), truth, ("ann",) * 400)
    temperature, loss = evaluated.calibrate(bands)
    alone = [fit_temperature(band, truth, np.arange(400)) for band in bands.values()]
    assert alone[0] < temperature < alone[1]
    losses = [-np.log(softmax(band / temperature, axis=1)[np.arange(400), truth]).mean() for band in bands.values()]
    assert loss == pytest.approx(np.mean(losses))


def test_tallies_are_by_band_and_speaker(evaluated: Evaluated) -> None:
    tallies = evaluated.tallies(evaluated.logits(Echo()), 1.0)
    assert tallies["wideband"].confusion["bob"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert tallies["telephone"].confusion["bob"].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert tallies["wideband"].confusion["ann"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_temperature_makes_answers_less_sure_and_changes_none(evaluated: Evaluated) -> None:
    sharp, soft = (evaluated.tallies(evaluated.logits(Echo()), temperature)["wideband"] for temperature in (1.0, 4.0))
    assert np.array_equal(sharp.total, soft.total)
    assert soft.reliability[:, 2].sum() < sharp.reliability[:, 2].sum()
