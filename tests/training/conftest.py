"""A corpus small enough to train on in a test: tones and noises in EmoGator's layout."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from service.audio.features import FrontEnd
from training.datasets import read_emogator
from training.features import Features, load_features

CONTRIBUTORS = 10


@pytest.fixture(scope="session")
def tiny_emogator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten contributors, each class a pitch of its own, each contributor a timbre; one pair is the same recording."""
    folder = tmp_path_factory.mktemp("emogator")
    time = np.arange(int(0.4 * 16_000)) / 16_000
    for contributor in range(1, CONTRIBUTORS + 1):
        rng = np.random.default_rng(contributor)
        for number, category in enumerate((5, 11, 16, 20, 26)):
            for repetition in (1, 2, 3):
                pitch = 150 * 1.6**number * rng.uniform(0.95, 1.05)
                voice = sum(rng.uniform(0.2, 1) * np.sin(2 * np.pi * pitch * partial * time) for partial in range(1, 4))
                samples = 0.2 * voice + 0.01 * rng.standard_normal(len(time))
                name = f"{contributor:06}-{category:02}-{repetition}.wav"
                wavfile.write(folder / name, 16_000, (samples * 8000).astype(np.int16))
    # Not equal to the bit, but the same take.
    rate, samples = wavfile.read(folder / "000003-05-1.wav")
    wavfile.write(folder / "000003-05-2.wav", rate, samples + 1)
    return folder


@pytest.fixture(scope="session")
def tiny_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where experiments on it keep features and states; the features are computed once for all."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def tiny_features(tiny_emogator: Path, tiny_runs: Path) -> Features:
    return load_features(read_emogator(tiny_emogator), FrontEnd(), tiny_runs / "features", workers=1, seed=0)
