"""A recording's volume: it can be changed, and no model hears it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.audio.features import Floats, FrontEnd
from tests.training.made_up import FRONT_ENDS
from training.channel import at_volume


def voice(seconds: float = 3.0) -> Floats:
    """Harmonics that rise and fade over noise, at most half of full scale."""
    time = np.arange(int(16_000 * seconds)) / 16_000
    sound = sum(np.sin(2 * np.pi * partial * (120 * time + 20 * time**2)) / partial for partial in range(1, 12))
    sound = sound * np.sin(np.pi * time / seconds) + 0.05 * np.random.default_rng(0).standard_normal(len(time))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@given(st.floats(0.5, 1.5))
def test_volume_multiplies_every_sample(factor: float) -> None:
    assert np.allclose(at_volume(voice(0.1), factor), voice(0.1) * factor, atol=1e-6)


def test_what_would_pass_full_scale_is_cut_off_there() -> None:
    loud = at_volume(np.array([-0.9, -0.5, 0.0, 0.5, 0.9], dtype=np.float32), 1.5)
    assert loud.tolist() == [-1, -0.75, 0, 0.75, 1]
    assert loud.dtype == np.float32


@pytest.mark.parametrize("front_end", FRONT_ENDS.values(), ids=FRONT_ENDS)
@hypothesis_settings(max_examples=5)
@given(factor=st.floats(0.5, 1.5))
def test_no_model_hears_the_volume(front_end: FrontEnd, factor: float) -> None:
    as_it_is, louder = (front_end(samples[None]) for samples in (voice(), at_volume(voice(), factor)))
    assert np.abs(louder - as_it_is).max() < 0.02
