"""TESS (Pichora-Fuller & Dupuis 2020, doi:10.5683/SP2/E8H2MF): ``OAF_Fear/OAF_back_fear.wav``.

Speaker, word, emotion: an older and a younger actress say 200 words in seven emotions. Releases differ in the case of
the folders' names and in whether there are folders at all; the files say it all.
"""

import re
from itertools import product
from pathlib import Path
from typing import Final

from training.datasets.clips import Clip, Corpus, CorpusError, audio_files, twice
from training.datasets.labels import TESS, classes

NAME = "TESS"
LICENCE = "CC BY-NC-ND 4.0"
# As it is published.
_RENAMED: Final = {"oa_bite_neutral": "oaf_bite_neutral"}
_LEFT_OUT: Final = ("YAF_germ_angry", "YAF_neat_fear")
_FILE = re.compile(rf"(oaf|yaf)_([a-z]+)_({'|'.join(TESS)})")
_FOLDER = re.compile(r"(oaf|yaf)_([a-z]+)(?:_surprised?)?")


def read_tess(folder: Path) -> Corpus:
    """All usable clips below ``folder``, at most 2,798: two more are damaged in some copies of the corpus.

    One speaker will do, and fewer words, as they make a smaller test, not another one; but each word in every emotion
    by every speaker, since what lacks some of them is a broken download.

    Raises:
        CorpusError: a clip is missing or there twice, its name does not follow the official scheme or its folder says
            otherwise.
    """
    paths, notes = audio_files(folder, NAME)
    problems = []
    clips = []
    words = set()
    for path in paths:
        name = path.stem.lower()
        match = _FILE.fullmatch(_RENAMED.get(name, name))
        if match is None:
            problems.append(f"{path}: the name does not follow SPEAKER_word_emotion")
            continue
        speaker, word, emotion = match[1].upper(), match[2], match[3]
        if _contradicts(path.parent.name, speaker, emotion):
            problems.append(f"{path}: the name says {speaker} and {emotion}, the folder {path.parent.name}")
        key = f"{speaker}_{word}_{emotion}"
        if name in _RENAMED:
            notes.append(f"{path.name}: read as {key}")
        words.add(word)
        clips.append(Clip(key, path, TESS[emotion], speaker))
    problems += twice((clip.key, clip.path) for clip in clips)
    speakers = {clip.speaker for clip in clips}
    expected = {f"{speaker}_{word}_{emotion}" for speaker, word, emotion in product(speakers, words, TESS)}
    missing = expected - {clip.key for clip in clips} - set(_LEFT_OUT)
    problems += [f"{key}: missing" for key in sorted(missing)]
    if not clips and not problems:
        problems = [f"{folder} holds no clip; name the folder with OAF_angry, YAF_angry and the others"]
    if problems:
        raise CorpusError(NAME, problems)
    notes += [f"{clip.key}: damaged in some copies, left out" for clip in clips if clip.key in _LEFT_OUT]
    usable = sorted((clip for clip in clips if clip.key not in _LEFT_OUT), key=lambda clip: clip.key)
    return Corpus(NAME, classes(TESS), tuple(usable), tuple(notes))


def _contradicts(folder: str, speaker: str, emotion: str) -> bool:
    """Whether ``folder`` is named after another speaker or emotion, such as OAF_Fear or YAF_pleasant_surprised."""
    match = _FOLDER.fullmatch(folder.lower())
    return match is not None and (match[1].upper(), match[2].replace("pleasant", "ps")) != (speaker, emotion)
