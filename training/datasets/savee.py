"""SAVEE (Haq & Jackson 2010, in: Machine Audition): ``AudioData/DC/a01.wav``, or all in one folder as ``DC_a01.wav``.

Speaker, emotion, number: four men, 15 sentences of each emotion and 30 neutral ones, 480 clips.
"""

import re
from pathlib import Path
from typing import Final

from training.datasets.clips import Clip, Corpus, CorpusError, audio_files, twice
from training.datasets.labels import SAVEE, classes

NAME = "SAVEE"
LICENCE = "research use"
SPEAKERS: Final = ("DC", "JE", "JK", "KL")
_FILE = re.compile(rf"(?:({'|'.join(SPEAKERS)})_)?({'|'.join(SAVEE)})(0[1-9]|[12]\d|30)")


def expected_keys(speaker: str) -> list[str]:
    """The 120 clips of ``speaker``."""
    return [
        f"{speaker}_{emotion}{number:02}"
        for emotion in SAVEE
        for number in range(1, 31 if SAVEE[emotion] == "neutral" else 16)
    ]


def read_savee(folder: Path) -> Corpus:
    """All clips below ``folder``.

    Any speakers will do, as fewer speakers make a smaller test, not another one; but each of them complete, since what
    lacks some of a speaker's clips is a broken download.

    Raises:
        CorpusError: a speaker lacks a clip, one is there twice, or a name does not follow the official scheme.
    """
    paths, notes = audio_files(folder, NAME)
    problems = []
    clips = []
    for path in paths:
        match = _FILE.fullmatch(path.stem)
        speaker = (match[1] or path.parent.name) if match else ""
        key = f"{speaker}_{path.stem.removeprefix(f'{speaker}_')}"
        if match is None or speaker not in SPEAKERS or key not in expected_keys(speaker):
            problems.append(f"{path}: the name does not follow SPEAKER/eNN or SPEAKER_eNN")
        elif path.parent.name in SPEAKERS and path.parent.name != speaker:
            problems.append(f"{path}: the name says {speaker}, the folder {path.parent.name}")
        else:
            clips.append(Clip(key, path, SAVEE[match[2]], speaker))
    problems += twice((clip.key, clip.path) for clip in clips)
    expected = {key for speaker in {clip.speaker for clip in clips} for key in expected_keys(speaker)}
    problems += [f"{key}: missing" for key in sorted(expected - {clip.key for clip in clips})]
    if not clips and not problems:
        problems = [f"{folder} holds no clip; name the folder AudioData"]
    if problems:
        raise CorpusError(NAME, problems)
    return Corpus(NAME, classes(SAVEE), tuple(sorted(clips, key=lambda clip: clip.key)), tuple(notes))
