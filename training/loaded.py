"""A corpus with its features: its splits, what a run draws for training from them and what it is tested on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training import splits
from training.augment import UNKNOWN, Sampler
from training.configuration import Configuration
from training.datasets import Corpus
from training.datasets.ravdess import ACTOR_FOLDS
from training.distillation import taught
from training.evaluate import Evaluated
from training.features import BANDS, Features
from training.splits import Indices, Split


@dataclass(frozen=True)
class Loaded:
    configuration: Configuration
    corpus: Corpus
    features: Features
    beside: "Loaded | None" = None

    @property
    def truth(self) -> Indices:
        return np.array([self.corpus.labels.index(clip.label) for clip in self.corpus.clips])

    @property
    def speakers(self) -> list[str]:
        return [clip.speaker for clip in self.corpus.clips]

    def splits(self) -> list[Split]:
        """The five speaker-independent folds, then the paper's random splits."""
        seed = self.configuration.seed
        if self.corpus.name == "RAVDESS":
            folds: Sequence[Sequence[str]] = [[f"actor-{actor:02}" for actor in fold] for fold in ACTOR_FOLDS]
        else:
            folds = splits.random_folds(self.speakers, 5, seed=seed)
        labels = [clip.label for clip in self.corpus.clips]
        return [
            *splits.speaker_independent(self.speakers, self.features.recordings, folds, seed=seed),
            *splits.paper_protocol(labels, self.features.recordings, seed=seed),
        ]

    def sampler(self, clips: Indices, teacher: Path | None = None) -> Sampler:
        """Draws from ``clips``, and from all of the corpus beside; a ``teacher`` is asked about both."""
        sampler = self._sampler(clips, self.corpus.labels, teacher)
        if self.beside is None:
            return sampler
        everyone = np.arange(len(self.beside.corpus.clips))
        return replace(sampler, beside=self.beside._sampler(everyone, self.corpus.labels, teacher))

    def _sampler(self, clips: Indices, classes: Sequence[str], teacher: Path | None) -> Sampler:
        """With targets among ``classes``, some of which the corpus may not have."""
        configuration = self.configuration
        targets = np.full((len(self.corpus.clips), len(classes)), UNKNOWN, dtype=np.float32)
        targets[:, np.isin(classes, self.corpus.labels)] = 0
        targets[np.arange(len(targets)), [classes.index(clip.label) for clip in self.corpus.clips]] = 1
        sampler = Sampler(
            self.features,
            configuration.front_end,
            configuration.augmentation,
            clips,
            targets,
            configuration.copies,
            configuration.smote,
            configuration.seed,
        )
        return replace(sampler, targets=taught(targets, *sampler.plain(), teacher)) if teacher else sampler

    def evaluated(self, clips: Indices) -> Evaluated:
        chosen = np.flatnonzero(np.isin(self.features.owner, clips))
        position = np.full(len(self.corpus.clips), -1)
        position[clips] = np.arange(len(clips))
        return Evaluated(
            {band: self.features.inputs(band, chosen, self.configuration.front_end) for band in BANDS},
            position[self.features.owner[chosen]],
            self.truth[clips],
            tuple(self.speakers[clip] for clip in clips),
        )
