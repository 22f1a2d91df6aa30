"""A model hears what its resampler lets through."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from training.datasets import Corpus, CorpusError
from training.metrics import Tally
from training.resampling.accuracy import accuracies, gain, read_at_own_rate
from training.resampling.resamplers import BEST, RESAMPLERS

LINE = "linear interpolation"


def test_only_a_careless_resampler_hears_what_does_not_fit(document: dict) -> None:
    same = document["trained_through_the_same"]
    assert same.keys() == RESAMPLERS.keys()
    assert same[BEST]["accuracy"] < 0.5
    assert same[LINE]["accuracy"] > 0.9
    low = same[LINE]["gain"][1]
    assert low > 0.2


def test_model_of_the_best_does_not_know_what_it_never_heard(document: dict) -> None:
    best = document["trained_through_the_best"]
    assert best[LINE]["accuracy"] < 0.5
    assert best[BEST] == document["trained_through_the_same"][BEST]
    assert best[BEST]["gain"] == [0, 0, 0]


def test_every_clip_is_tested_once_at_its_own_rate(document: dict) -> None:
    assert document["rates"] == {"48000": 75}
    for figures in document["trained_through_the_same"].values():
        assert np.sum(figures["confusion"], axis=1).tolist() == [15] * 5
        assert figures["speakers"] == 5


def test_every_file_that_cannot_be_used_is_named(ultrasonic_corpus: Corpus, tmp_path: Path) -> None:
    narrow, broken = tmp_path / "narrow.wav", tmp_path / "broken.wav"
    wavfile.write(narrow, 16_000, np.zeros(1600, np.int16))
    broken.write_bytes(b"not a sound")
    first, second, *others = ultrasonic_corpus.clips
    clips = (replace(first, path=narrow), replace(second, path=broken), *others[:3])
    with pytest.raises(CorpusError, match=r"narrow\.wav: 16000 Hz(.|\n)*broken\.wav") as caught:
        accuracies(replace(ultrasonic_corpus, clips=clips))
    assert len(caught.value.problems) == 2


def test_file_is_read_at_its_own_rate_and_its_channels_averaged(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (44_100, 2)).astype(np.float32)
    wavfile.write(tmp_path / "stereo.wav", 44_100, samples)
    read, rate = read_at_own_rate(tmp_path / "stereo.wav")
    assert rate == 44_100
    assert np.allclose(read, samples.mean(axis=1), atol=1e-6)


def test_file_without_sound_is_refused(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "empty.wav", 48_000, np.zeros(0, np.int16))
    with pytest.raises(ValueError, match="no sound"):
        read_at_own_rate(tmp_path / "empty.wav")


def tally(**right: int) -> Tally:
    """Each speaker has ten clips of one class, so many of them right."""
    return Tally({name: np.array([[count, 10 - count], [0, 0]]) for name, count in right.items()}, np.zeros((15, 3)))


def test_gain_is_what_every_speaker_gains() -> None:
    assert gain(tally(ann=3, bob=8), tally(ann=2, bob=7)) == [0.1, 0.1, 0.1]


def test_gain_is_uncertain_where_speakers_differ() -> None:
    value, low, high = gain(tally(ann=3, bob=6, cyd=5), tally(ann=2, bob=7, cyd=5))
    assert value == 0
    assert low < 0 < high
