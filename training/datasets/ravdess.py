"""RAVDESS, audio-only speech (Livingstone & Russo 2018, doi:10.5281/zenodo.1188976).

``Actor_NN/03-01-EE-II-SS-RR-AA.wav``: modality, channel, emotion, intensity, statement, repetition, actor. The
official files are 48 kHz WAV; any other audio format with the same names is read too.
"""

import re
from itertools import product
from pathlib import Path

from training.datasets.clips import Clip, Corpus, CorpusError, audio_files, twice
from training.datasets.labels import RAVDESS, classes

NAME = "RAVDESS"
LICENCE = "CC BY-NC-SA 4.0"
# Five folds of actors (Luna-Jiménez et al. 2022, doi:10.3390/app12010327), so that figures compare.
ACTOR_FOLDS = (
    (2, 5, 14, 15, 16),
    (3, 6, 7, 13, 18),
    (10, 11, 12, 19, 20),
    (8, 17, 21, 23, 24),
    (1, 4, 9, 22),
)
_FILE = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")


def expected_keys() -> list[str]:
    """The 1,440 names: neutral has no strong intensity."""
    return [
        f"03-01-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{actor:02}"
        for actor, emotion, intensity, statement, repetition in product(
            range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2)
        )
        if not (emotion == 1 and intensity == 2)
    ]


def read_ravdess(folder: Path) -> Corpus:
    """All clips below ``folder``.

    Raises:
        CorpusError: a file is missing, there twice, or its name does not follow the official scheme.
    """
    paths, notes = audio_files(folder, NAME)
    problems = []
    clips = []
    for path in paths:
        match = _FILE.fullmatch(path.stem)
        if match is None or (match[1] == "01" and match[2] == "02"):
            problems.append(f"{path}: the name does not follow 03-01-EE-II-SS-RR-AA")
        elif path.parent.name.startswith("Actor_") and path.parent.name != f"Actor_{match[5]}":
            problems.append(f"{path}: the name says actor {match[5]}, the folder {path.parent.name}")
        else:
            clips.append(Clip(path.stem, path, RAVDESS[match[1]], f"actor-{match[5]}"))
    problems += twice((clip.key, clip.path) for clip in clips)
    problems += [f"{key}: missing" for key in sorted(set(expected_keys()) - {clip.key for clip in clips})]
    if problems:
        raise CorpusError(NAME, problems)
    return Corpus(NAME, classes(RAVDESS), tuple(sorted(clips, key=lambda clip: clip.key)), tuple(notes))
