"""A corpus whose emotions lie where only a careless resampler hears them, and what the command finds in it."""

import json
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from training.datasets import Corpus, read_emogator
from training.datasets.emogator import CATEGORIES
from training.resampling import add_arguments, run

RATE = 48_000


@pytest.fixture(scope="session")
def ultrasonic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five contributors at 48 kHz: a hum that says nothing, and a tone above 8 kHz, another for each class."""
    folder = tmp_path_factory.mktemp("ultrasonic") / "emogator"
    folder.mkdir()
    rng = np.random.default_rng(0)
    time = np.arange(RATE // 5) / RATE
    for contributor in range(1, 6):
        for number, category in enumerate(CATEGORIES):
            for repetition in (1, 2, 3):
                tones = (rng.uniform(200, 400), 9_000 + 1_300 * number)
                samples = sum(0.2 * np.sin(2 * np.pi * hertz * time) for hertz in tones)
                samples = samples + 0.01 * rng.standard_normal(len(time))
                path = folder / f"{contributor:06}-{category:02}-{repetition}.wav"
                wavfile.write(path, RATE, (samples * 20_000).astype(np.int16))
    return folder


@pytest.fixture(scope="session")
def written(ultrasonic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command wrote its figures and their page to."""
    out = tmp_path_factory.mktemp("reports")
    parser = ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args(["--data", str(ultrasonic.parent), "--out", str(out)]))
    return out


@pytest.fixture
def document(written: Path) -> dict:
    return json.loads((written / "resampling.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def ultrasonic_corpus(ultrasonic: Path) -> Corpus:
    return read_emogator(ultrasonic)
