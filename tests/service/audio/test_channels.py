"""One signal on two channels."""

import io

import numpy as np
import pytest

from service.audio.channels import is_dual_mono
from service.audio.decode import Limits, decode
from tests.recordings import SEVEN, encode, native


@pytest.fixture(scope="module")
def call(sample_call):
    return native(sample_call)


@pytest.mark.parametrize("gain", [1, 0.2, -1])
def test_a_copy_at_another_level_is_one_signal(call, gain):
    samples, _ = call
    assert is_dual_mono(np.stack([samples[0], samples[0] * np.float32(gain)]))


@pytest.mark.parametrize("name", sorted(SEVEN.keys() - {"amr"}))
@pytest.mark.parametrize("gain", [1, 0.5])
def test_a_codec_does_not_hide_it(call, name, gain):
    samples, rate = call
    both = np.stack([samples[0], samples[0] * np.float32(gain)])
    assert is_dual_mono(decode(io.BytesIO(encode(both, rate, SEVEN[name])), Limits(60, 2)).samples)


@pytest.mark.parametrize("name", sorted(SEVEN.keys() - {"amr"}))
def test_a_codec_does_not_pretend_it(call, name):
    samples, rate = call
    assert not is_dual_mono(decode(io.BytesIO(encode(samples, rate, SEVEN[name])), Limits(60, 2)).samples)


def test_two_people_on_two_channels_are_two_signals_even_with_crosstalk(call):
    (customer, agent), _ = call
    assert not is_dual_mono(np.stack([customer + 0.2 * agent, agent + 0.2 * customer]))


def test_a_silent_channel_is_no_copy(call):
    (customer, _), _ = call
    assert not is_dual_mono(np.stack([customer, np.zeros_like(customer)]))
    assert not is_dual_mono(np.stack([np.zeros_like(customer), customer]))


def test_one_channel_is_not_two(call):
    assert not is_dual_mono(call[0][:1])


def test_every_channel_must_be_a_copy(call):
    customer, agent = call[0]
    assert is_dual_mono(np.stack([customer, customer, customer]))
    assert not is_dual_mono(np.stack([customer, customer, agent]))


@pytest.mark.parametrize("name", ["auto_repairs_stereo", "short_stereo"])
def test_real_calls_keep_their_speakers_apart(shared, name):
    with (shared / "data" / "calls" / f"{name}.wav").open("rb") as file:
        assert not is_dual_mono(decode(file, Limits(300, 2)).samples)
