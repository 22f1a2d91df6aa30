"""EmoGator, vocal bursts (Buhl 2023, arXiv:2301.00508): ``NNNNNN-EE-I.mp3``, contributor, category, repetition.

Five of its thirty categories are read. It has no category "nervousness"; Distress stands in for it.
"""

import re
from itertools import product
from pathlib import Path
from typing import Final

from service.emotions import VOCAL_BURST_EMOTIONS
from training.datasets.clips import Clip, Corpus, CorpusError, audio_files, twice

NAME = "EmoGator"
LICENCE = "Apache-2.0"
CATEGORIES: Final = {5: "confusion", 11: "nervousness", 16: "guilt", 20: "pride", 26: "shame"}
REPETITIONS: Final = (1, 2, 3)
_FILE = re.compile(r"(\d{6})-(0[1-9]|[12]\d|30)-([123])")


def read_emogator(folder: Path) -> Corpus:
    """All clips of the five categories below ``folder``.

    Raises:
        CorpusError: a contributor lacks a clip, one is there twice, or a name does not follow the official scheme.
    """
    paths, notes = audio_files(folder, NAME)
    problems = []
    clips = []
    others = 0
    for path in paths:
        match = _FILE.fullmatch(path.stem)
        if match is None:
            problems.append(f"{path}: the name does not follow NNNNNN-EE-I")
        elif int(match[2]) not in CATEGORIES:
            others += 1
        else:
            clips.append(Clip(path.stem, path, CATEGORIES[int(match[2])], f"contributor-{match[1]}"))
    problems += twice((clip.key, clip.path) for clip in clips)
    contributors = sorted({clip.speaker.removeprefix("contributor-") for clip in clips})
    expected = {
        f"{contributor}-{category:02}-{repetition}"
        for contributor, category, repetition in product(contributors, CATEGORIES, REPETITIONS)
    }
    problems += [f"{key}: missing" for key in sorted(expected - {clip.key for clip in clips})]
    if not clips and not problems:
        problems = [f"{folder} holds no clip of the categories {sorted(CATEGORIES)}"]
    if problems:
        raise CorpusError(NAME, problems)
    if others:
        notes.append(f"{others} clips of other categories, left out")
    return Corpus(NAME, VOCAL_BURST_EMOTIONS, tuple(sorted(clips, key=lambda clip: clip.key)), tuple(notes))
