"""Clips of another corpus beside a corpus's own: who is heard, what is learnt from them and what is told of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from training.augment import UNKNOWN
from training.configuration import Configuration
from training.datasets import Clip, CorpusError, crema_d, ravdess
from training.experiment import Experiment, run
from training.loaded import Loaded
from training.shipping import ship

NETWORK = Configuration(
    "tiny_beside",
    "RAVDESS",
    "cnn1d",
    network={"channels": (4,), "dense": 4},
    epochs=2,
    batch_size=32,
    refit=True,
    beside="CREMA-D",
)


def some(clips: tuple[Clip, ...]) -> tuple[Clip, ...]:
    """Of all actors and emotions."""
    return clips[::13]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both corpora side by side; every clip sounds its own."""
    folder = tmp_path_factory.mktemp("data")
    names = [Path("ravdess") / f"Actor_{key[-2:]}" / key for key in ravdess.expected_keys()]
    names += [Path("crema-d/AudioWAV") / key for key in crema_d.expected_keys("1001")]
    for number, name in enumerate(names):
        path = folder / name.with_suffix(".wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).normal(0, 3000, 3200)
        wavfile.write(path, 16_000, noise.astype(np.int16))
    return folder


@pytest.fixture(scope="module")
def experiment(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    made = tmp_path_factory.mktemp("made")
    return Experiment(NETWORK, data / "ravdess", made / "runs", made / "results", clips=some)


@pytest.fixture(scope="module")
def loaded(experiment: Experiment) -> Loaded:
    return experiment.load()


def test_epoch_shows_as_many_clips_of_the_other_corpus_as_there_are(loaded: Loaded) -> None:
    clips = np.arange(20)
    inputs, targets = loaded.sampler(clips).epoch(0)
    others = (targets == UNKNOWN).any(axis=1)
    assert (len(inputs), others.sum()) == (20 + 7, 7)
    few = np.arange(3)
    inputs, targets = loaded.sampler(few).epoch(0)
    assert (len(inputs), (targets == UNKNOWN).any(axis=1).sum()) == (6, 3)


def test_each_epoch_draws_others_and_is_the_same_at_every_call(loaded: Loaded) -> None:
    sampler = loaded.sampler(np.arange(3))
    first, again, second = sampler.epoch(0), sampler.epoch(0), sampler.epoch(1)
    assert [part.tobytes() for part in first] == [part.tobytes() for part in again]
    assert not np.array_equal(first[0], second[0])


def test_nothing_is_said_of_emotions_that_the_other_corpus_lacks(loaded: Loaded) -> None:
    assert loaded.beside is not None
    _, targets = loaded.sampler(np.arange(20)).epoch(0)
    unknown = targets == UNKNOWN
    lacking = [label not in loaded.beside.corpus.labels for label in loaded.corpus.labels]
    assert [label for label, lacks in zip(loaded.corpus.labels, lacking, strict=True) if lacks] == ["calm", "surprised"]
    assert (unknown[unknown.any(axis=1)] == lacking).all()
    assert np.allclose(np.where(unknown, 0, targets).sum(axis=1), 1)


def test_own_windows_alone_are_what_a_probe_is_fitted_to(loaded: Loaded) -> None:
    inputs, clips = loaded.sampler(np.arange(20)).plain()
    assert set(clips) == set(range(20))
    assert len(inputs) == len(clips)


def test_run_and_artefact_tell_of_both_corpora(experiment: Experiment, tmp_path: Path) -> None:
    result = run(experiment, "fold-1")
    own, other = (corpus.fingerprint() for corpus in experiment.corpora)
    assert result["fingerprint"] == f"{own}+{other}"
    assert result["configuration"]["beside"] == "CREMA-D"
    assert sum(result["clips"].values()) == len(experiment.corpus.clips)
    ship(experiment, tmp_path / "model")
    card = json.loads((tmp_path / "model/card.json").read_text())
    assert card["training_data"]["fingerprint"] == result["fingerprint"]
    assert {name: card["training_data"]["beside"][name] for name in ("corpus", "clips", "speakers", "licence")} == {
        "corpus": "CREMA-D",
        "clips": 7,
        "speakers": 1,
        "licence": "ODbL 1.0",
    }
    page = (tmp_path / "model/README.md").read_text()
    assert "- **Beside it**, for the sake of its speakers: CREMA-D, 7 clips of 1 speakers (Cao et al. 2014" in page


def test_other_clips_beside_are_another_run(experiment: Experiment) -> None:
    alone = replace(experiment, configuration=replace(NETWORK, beside=""))
    fewer = replace(experiment, clips=lambda clips: some(clips) if len(clips) == 1440 else clips[:1])
    assert fewer.corpus.clips == alone.corpus.clips == experiment.corpus.clips
    assert len({alone.identity, fewer.identity, experiment.identity}) == 3


def test_missing_corpus_is_named_with_its_folder(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "ravdess").symlink_to(experiment.data)
    with pytest.raises(CorpusError, match=r"crema-d is not a folder"):
        replace(experiment, data=tmp_path / "ravdess").load()
