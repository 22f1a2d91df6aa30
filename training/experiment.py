"""From a corpus to a model with a card: every split of both protocols, then the model that is shipped.

Each split is a run of its own in ``<runs>/<name>-<hash of what decides it>/<split>``; what is finished is not done
again, what was interrupted goes on.
"""

import hashlib
import json
import multiprocessing
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import splits
from training.augment import Sampler
from training.calibrate import clip_probabilities, fit_temperature
from training.card import commit
from training.configuration import Configuration
from training.datasets import Corpus, read_emogator, read_ravdess
from training.datasets.ravdess import ACTOR_FOLDS
from training.evaluate import Evaluated
from training.features import BANDS, Features, load_features
from training.metrics import Predictions, report
from training.splits import Indices, Split

SHIPPED = "shipped"
COMMIT_FILE = "commit"
RANDOM = "random"
READERS = {"RAVDESS": read_ravdess, "EmoGator": read_emogator}


@dataclass(frozen=True)
class Experiment:
    """A configuration, the corpus that it is for and where both live. Small enough to send to another process."""

    configuration: Configuration
    corpus_name: str
    data: Path
    runs: Path
    workers: int

    def corpus(self) -> Corpus:
        return READERS[self.corpus_name](self.data)

    def load(self) -> "Loaded":
        corpus = self.corpus()
        features = load_features(
            corpus,
            self.configuration.front_end,
            self.runs / "features",
            workers=self.workers,
            seed=self.configuration.seed,
        )
        return Loaded(self.configuration, corpus, features)

    def folder(self, fingerprint: str) -> Path:
        decided = json.dumps([asdict(self.configuration), fingerprint])
        return self.runs / f"{self.configuration.name}-{hashlib.sha256(decided.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Loaded:
    configuration: Configuration
    corpus: Corpus
    features: Features

    @property
    def truth(self) -> Indices:
        return np.array([self.corpus.labels.index(clip.label) for clip in self.corpus.clips])

    @property
    def speakers(self) -> list[str]:
        return [clip.speaker for clip in self.corpus.clips]

    def splits(self) -> list[Split]:
        """The five speaker-independent folds, then the paper's random split."""
        seed = self.configuration.seed
        if self.corpus.name == "RAVDESS":
            folds: Sequence[Sequence[str]] = [[f"actor-{actor:02}" for actor in fold] for fold in ACTOR_FOLDS]
        else:
            folds = splits.random_folds(self.speakers, 5, seed=seed)
        labels = [clip.label for clip in self.corpus.clips]
        return [
            *splits.speaker_independent(self.speakers, self.features.recordings, folds, seed=seed),
            splits.paper_protocol(labels, self.features.recordings, seed=seed),
        ]

    def sampler(self, clips: Indices) -> Sampler:
        return Sampler(
            self.features,
            self.configuration.front_end,
            self.configuration.augmentation,
            clips,
            np.eye(len(self.corpus.labels), dtype=np.float32)[self.truth],
            self.configuration.copies,
            self.configuration.seed,
        )


def run_all(experiment: Experiment) -> tuple[Loaded, Path]:
    """Train and test every split and train the shipped model, ``experiment.workers`` at a time."""
    loaded = experiment.load()
    folder = experiment.folder(loaded.corpus.fingerprint())
    for note in (*loaded.corpus.notes, *loaded.features.notes):
        print(f"note: {note}")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / COMMIT_FILE).exists():
        (folder / COMMIT_FILE).write_text(commit(), encoding="utf-8")
    names = [split.name for split in loaded.splits()]
    # Spawned, since TensorFlow does not survive a fork; a split at a time, so that a worker holds one in memory.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(experiment.workers, mp_context=context) as pool:
        for _ in pool.map(_run_split, [experiment] * len(names), names, [folder] * len(names)):
            pass
        pool.submit(_run_shipped, experiment, folder).result()
    return loaded, folder


def _run_split(experiment: Experiment, name: str, folder: Path) -> None:
    result = folder / name / "result.npz"
    if result.exists():
        return
    from training import train

    train.use_one_thread()
    loaded = experiment.load()
    split = next(split for split in loaded.splits() if split.name == name)
    validation = _evaluated(loaded, split.validation)
    model, epochs = train.fit(
        experiment.configuration,
        loaded.sampler(split.train),
        validation,
        folder / name,
        epochs=experiment.configuration.epochs,
    )
    # The temperature, like the epoch, is chosen before the test part is looked at.
    temperature = fit_temperature(
        np.concatenate([validation.logits(model)[band] for band in BANDS]),
        np.tile(validation.truth, len(BANDS)),
        np.concatenate([validation.owner + index * len(validation.truth) for index in range(len(BANDS))]),
    )
    test = _evaluated(loaded, split.test)
    probabilities = {
        band: clip_probabilities(logits, temperature, test.owner, len(test.truth))
        for band, logits in test.logits(model).items()
    }
    arrays: dict[str, Any] = {"clips": split.test, "temperature": temperature, "epochs": epochs, **probabilities}
    np.savez(result, **arrays)


def _run_shipped(experiment: Experiment, folder: Path) -> None:
    """All clips, for as many epochs as the folds chose; nothing is left to stop on."""
    from training import train

    train.use_one_thread()
    loaded = experiment.load()
    epochs, _ = chosen_by_folds(loaded, folder)
    train.fit(
        experiment.configuration,
        loaded.sampler(np.arange(len(loaded.corpus.clips))),
        None,
        folder / SHIPPED,
        epochs=epochs,
    )


def _evaluated(loaded: Loaded, clips: Indices) -> Evaluated:
    chosen = np.flatnonzero(np.isin(loaded.features.owner, clips))
    position = np.full(len(loaded.corpus.clips), -1)
    position[clips] = np.arange(len(clips))
    return Evaluated(
        {band: windows[chosen].astype(np.float32) for band, windows in loaded.features.windows.items()},
        position[loaded.features.owner[chosen]],
        loaded.truth[clips],
    )


def chosen_by_folds(loaded: Loaded, folder: Path) -> tuple[int, float]:
    """The median of the folds' best epochs and the geometric mean of their temperatures."""
    results = [np.load(folder / split.name / "result.npz") for split in loaded.splits() if split.name != RANDOM]
    epochs = statistics.median_high(int(result["epochs"]) for result in results)
    temperature = statistics.geometric_mean(float(result["temperature"]) for result in results)
    return epochs, round(temperature, 4)


def protocol_reports(loaded: Loaded, folder: Path) -> dict[str, Any]:
    """Both protocols in both bands: the folds' test parts together, and the random split's."""
    names = {
        "speaker-independent": [split.name for split in loaded.splits() if split.name != RANDOM],
        "paper": [RANDOM],
    }
    return {
        protocol: {band: _report(loaded, [folder / run for run in runs], band) for band in BANDS}
        for protocol, runs in names.items()
    }


def _report(loaded: Loaded, runs: list[Path], band: str) -> dict[str, Any]:
    results = [np.load(run / "result.npz") for run in runs]
    clips = np.concatenate([result["clips"] for result in results])
    predictions = Predictions(
        np.concatenate([result[band] for result in results]),
        loaded.truth[clips],
        np.asarray(loaded.speakers)[clips],
    )
    return {"folds": len(runs), **report(predictions, loaded.corpus.labels, seed=loaded.configuration.seed)}
