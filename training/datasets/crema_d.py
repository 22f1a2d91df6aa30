"""CREMA-D (Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244): ``AudioWAV/AAAA_SSS_EEE_LL.wav``.

Actor, sentence, emotion, level. The labels are the emotions that the actors were asked for. The published corpus has
7,442 clips of 91 actors, of which 7,435 are read: two of one recording under different labels say nothing, and one is
silent.
"""

import re
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Final

from training.datasets.clips import Clip, Corpus, CorpusError, audio_files, twice
from training.datasets.labels import CREMA_D, classes

NAME = "CREMA-D"
LICENCE = "ODbL 1.0"
SENTENCES: Final = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
# Of the full grid, what was not published.
_ABSENT: Final = frozenset(
    {"1002_TIE_NEU_XX", "1076_ITS_NEU_XX"}
    | {f"{take}_{emotion}_XX" for take in ("1008_WSI", "1009_MTI", "1019_ITH") for emotion in CREMA_D}
)
_CONFLICTING: Final = (
    ("1006_TIE_HAP_XX", "1006_TIE_NEU_XX"),
    ("1013_WSI_DIS_XX", "1013_WSI_SAD_XX"),
    ("1017_IWW_ANG_XX", "1017_IWW_FEA_XX"),
)
_LEFT_OUT: Final = {
    "1076_MTI_SAD_XX": "silent, left out",
    **{
        key: f"the same recording as {other} under another label, left out"
        for pair in _CONFLICTING
        for key, other in (pair, pair[::-1])
    },
}
# As older copies have it.
_RENAMED: Final = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}
_FILE = re.compile(rf"(10(?:0[1-9]|[1-8]\d|9[01]))_({'|'.join(SENTENCES)})_({'|'.join(CREMA_D)})_(XX|LO|MD|HI)")


@lru_cache(maxsize=128)
def expected_keys(actor: str) -> frozenset[str]:
    """The clips of ``actor`` that were published: one sentence, IEO, was said at three levels of each emotion."""
    keys = (
        f"{actor}_{sentence}_{emotion}_{level}"
        for sentence, emotion in product(SENTENCES, CREMA_D)
        for level in (("LO", "MD", "HI") if sentence == "IEO" and emotion != "NEU" else ("XX",))
    )
    return frozenset(keys) - _ABSENT


def read_crema_d(folder: Path) -> Corpus:
    """All usable clips below ``folder``.

    Any actors will do, as fewer of them make a smaller test, not another one; but each of them complete, since what
    lacks some of an actor's clips is a broken download.

    Raises:
        CorpusError: an actor lacks a clip, one is there twice or is a mere pointer of Git LFS, or a name does not
            follow the official scheme.
    """
    paths, notes = audio_files(folder, NAME)
    problems = []
    clips = []
    for path in paths:
        key = _RENAMED.get(path.stem, path.stem)
        match = _FILE.fullmatch(key)
        if match is None or key not in expected_keys(match[1]):
            problems.append(f"{path}: the name does not follow AAAA_SSS_EEE_LL")
            continue
        if _is_pointer(path):
            problems.append(f"{path}: a pointer of Git LFS in place of the audio; run `git lfs pull` in its repository")
        if key != path.stem:
            notes.append(f"{path.name}: read as {key}")
        clips.append(Clip(key, path, CREMA_D[match[3]], f"actor-{match[1]}"))
    problems += twice((clip.key, clip.path) for clip in clips)
    actors = sorted({clip.speaker.removeprefix("actor-") for clip in clips})
    expected = {key for actor in actors for key in expected_keys(actor)}
    problems += [f"{key}: missing" for key in sorted(expected - {clip.key for clip in clips})]
    if not clips and not problems:
        problems = [f"{folder} holds no clip; name the folder AudioWAV"]
    if problems:
        raise CorpusError(NAME, problems)
    notes += [f"{clip.key}: {_LEFT_OUT[clip.key]}" for clip in clips if clip.key in _LEFT_OUT]
    usable = sorted((clip for clip in clips if clip.key not in _LEFT_OUT), key=lambda clip: clip.key)
    return Corpus(NAME, classes(CREMA_D), tuple(usable), tuple(notes))


def _is_pointer(path: Path) -> bool:
    """Whether ``path`` is what a clone without Git LFS holds, a few lines of text."""
    if path.stat().st_size > 1024:
        return False
    return path.read_bytes().startswith(b"version https://git-lfs")
