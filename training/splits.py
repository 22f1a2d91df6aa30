"""Splits that cannot leak.

A :class:`Split` refuses to exist when its parts share a speaker or a recording. Augmented copies are made from the
clips of one part after the split, so that a copy can only lie where its source lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

RANDOM: Final = "random"
_FOLDS: Final = 5


class LeakageError(Exception):
    """Two parts of a split share what must be kept apart."""


@dataclass(frozen=True)
class Split:
    """Indices of the clips to train on, to choose epochs and temperature on, and to test on.

    ``keep_apart`` names, for every clip of the corpus, what no two parts may share: the speaker in the
    speaker-independent protocol, the recording in the paper's.

    Raises:
        LeakageError: two parts share a clip or a value of ``keep_apart``.
    """

    name: str
    train: Indices
    validation: Indices
    test: Indices
    keep_apart: Sequence[str]

    def __post_init__(self) -> None:
        groups = np.asarray(self.keep_apart)
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
            shared = set(groups[parts[first]]) & set(groups[parts[second]])
            if shared:
                raise LeakageError(f"{self.name}: {first} and {second} share {', '.join(sorted(shared)[:5])}")


def speaker_independent(
    speakers: Sequence[str], recordings: Sequence[str], folds: Sequence[Sequence[str]], *, seed: int
) -> list[Split]:
    """One split a fold of speakers, the fold being the test part.

    The validation speakers are drawn from the other folds, the same share of each. Speakers who
    share a recording are kept on one side, as if they were one.

    Raises:
        LeakageError: speakers of different folds share a recording.
    """
    who = np.asarray(speakers)
    voice = _voices(speakers, recordings)
    voices = [voice[speaker] for speaker in speakers]
    splits = []
    for number, fold in enumerate(folds):
        others = [sorted({voice[speaker] for speaker in other}) for index, other in enumerate(folds) if index != number]
        rng = np.random.default_rng([seed, number])
        chosen = [
            str(name)
            for other in others
            for name in rng.choice(other, size=max(1, round(len(other) / 6)), replace=False)
        ]
        test = np.flatnonzero(np.isin(who, list(fold)))
        validation = np.flatnonzero(np.isin(voices, chosen))
        train = np.setdiff1d(np.arange(len(who)), np.concatenate([test, validation]))
        splits.append(Split(f"fold-{number + 1}", train, validation, test, voices))
    return splits


def _voices(speakers: Sequence[str], recordings: Sequence[str]) -> dict[str, str]:
    """For each speaker the first of those who share recordings with them, directly or through others."""
    sharing: dict[str, set[str]] = {}
    for speaker, recording in zip(speakers, recordings, strict=True):
        sharing.setdefault(recording, set()).add(speaker)
    voice = {speaker: speaker for speaker in speakers}
    for together in sharing.values():
        alike = {voice[speaker] for speaker in together}
        if len(alike) > 1:
            voice = {speaker: min(alike) if first in alike else first for speaker, first in voice.items()}
    return voice


def paper_protocol(labels: Sequence[str], recordings: Sequence[str], *, seed: int) -> list[Split]:
    """The paper's stratified random 80:20 split, five times, so that every clip is tested once.

    Speakers are on all sides. A tenth of the 80 is for validation. Only copies of one recording are kept together: the
    draw is over recordings, not over files.
    """
    rng = np.random.default_rng(seed)
    first_of: dict[str, int] = {}
    for index, recording in enumerate(recordings):
        first_of.setdefault(recording, index)
    by_label = []
    for label in sorted(set(labels)):
        names = [recording for recording, index in first_of.items() if labels[index] == label]
        rng.shuffle(names)
        by_label.append(names)
    return [_random_split(number, by_label, recordings) for number in range(_FOLDS)]


def _random_split(number: int, by_label: Sequence[Sequence[str]], recordings: Sequence[str]) -> Split:
    parts: dict[str, str] = {}
    for names in by_label:
        edges = [round(len(names) * fold / _FOLDS) for fold in range(_FOLDS + 1)]
        turned = [*names[edges[number] :], *names[: edges[number]]]
        test = edges[number + 1] - edges[number]
        validation = test + round(0.08 * len(names))
        for position, name in enumerate(turned):
            parts[name] = "test" if position < test else "validation" if position < validation else "train"
    part = np.asarray([parts[recording] for recording in recordings])
    return Split(
        f"{RANDOM}-{number + 1}",
        np.flatnonzero(part == "train"),
        np.flatnonzero(part == "validation"),
        np.flatnonzero(part == "test"),
        recordings,
    )


def random_folds(speakers: Sequence[str], count: int, *, seed: int) -> list[list[str]]:
    """The speakers in ``count`` random folds of equal size."""
    names = sorted(set(speakers))
    np.random.default_rng(seed).shuffle(names)
    return [sorted(names[start::count]) for start in range(count)]
