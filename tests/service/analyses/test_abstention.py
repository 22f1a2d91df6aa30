"""When the label of a stretch is better not relied on, and why."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from service.analyses.abstention import Abstention, abstention
from service.audio.decode import SAMPLE_RATE
from service.audio.quality import Gauge
from service.audio.vad import FRAME, Region

SECOND = SAMPLE_RATE
SPEECH = [Region(SECOND, 3 * SECOND), Region(4 * SECOND, 5 * SECOND)]
ACTIVE = np.full(-(-6 * SECOND // FRAME), 0.9, np.float32)


def _samples(noise=0.001):
    random = np.random.default_rng(0)
    samples = noise * random.standard_normal(6 * SECOND)
    for start, end in SPEECH:
        samples[start:end] += 0.1 * random.standard_normal(end - start)
    return samples


def _of(samples, region=SPEECH[0], activity=ACTIVE, *, uncertain=False):
    return abstention(
        region, Gauge(np.asarray(samples, np.float32), SPEECH, SAMPLE_RATE), activity, uncertain=uncertain
    )


def test_good_sound_is_relied_on():
    assert _of(_samples()) is None
    assert _of(_samples(), activity=None) is None


def test_half_a_second_between_the_paddings_is_long_enough():
    least = 7 * SECOND // 10
    assert _of(_samples(), Region(SECOND, SECOND + least)) is None
    assert _of(_samples(), Region(SECOND, SECOND + least - 1)) is Abstention.too_short


@pytest.mark.parametrize(("snr_db", "reason"), [(8, None), (2, Abstention.low_snr)])
def test_noise(snr_db, reason):
    assert _of(_samples(noise=0.1 / 10 ** (snr_db / 20))) is reason


def test_only_the_part_that_is_drowned_is_not_relied_on():
    samples = _samples(noise=0.01)
    samples[4 * SECOND : 5 * SECOND] *= 0.15
    assert _of(samples, SPEECH[0]) is None
    assert _of(samples, SPEECH[1]) is Abstention.low_snr


def test_only_the_part_that_is_cut_off_is_not_relied_on():
    samples = _samples()
    samples[4 * SECOND : 5 * SECOND] = np.clip(10 * samples[4 * SECOND : 5 * SECOND], -1, 1)
    assert _of(samples, SPEECH[0]) is None
    assert _of(samples, SPEECH[1]) is Abstention.clipped


@pytest.mark.parametrize(("cut_hz", "reason"), [(3_400, None), (2_000, Abstention.narrow_band)])
def test_a_line_narrower_than_a_telephone_s(cut_hz, reason):
    assert _of(sosfiltfilt(butter(12, cut_hz, fs=SAMPLE_RATE, output="sos"), _samples())) is reason


def test_what_voice_activity_hardly_believes_in_is_no_speech():
    activity = ACTIVE.copy()
    activity[4 * SECOND // FRAME :] = 0.3
    assert _of(_samples(), SPEECH[0], activity) is None
    assert _of(_samples(), SPEECH[1], activity) is Abstention.not_speech


def test_a_model_that_rules_little_out_is_uncertain():
    assert _of(_samples(), uncertain=True) is Abstention.too_uncertain


def test_what_the_sound_is_worth_comes_before_what_the_model_makes_of_it():
    assert _of(_samples(noise=0.1), uncertain=True) is Abstention.low_snr
    assert _of(_samples(noise=0.1), Region(SECOND, SECOND + 9_000), uncertain=True) is Abstention.too_short
