"""MELD (Poria et al. 2019, doi:10.18653/v1/P19-1050): utterances from a comedy series, as text and as sound.

``{train,dev,test}_sent_emo.csv`` tell of every utterance; the sound is that of the videos beside them,
``output_repeated_splits_test/dia0_utt0.mp4`` and so on. The speakers are the characters. Music and the laughter of an
audience are on many of them.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from service.emotions import SENTIMENTS, TEXT_EMOTIONS
from training.datasets.clips import AUDIO_SUFFIXES, Clip, Corpus, CorpusError
from training.datasets.labels import MELD, classes
from training.datasets.lines import malformed, numbered_lines

NAME = "MELD"
LICENCE = "GPL-3.0 (its repository)"

Part = Literal["train", "dev", "test"]
_VIDEOS: Final[dict[Part, str]] = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
# As the authors' issue tracker has it: numbers 20, 22 and 39.
_UNUSABLE: Final[dict[Part, dict[str, str]]] = {
    "train": {"dia125_utt3": "cannot be decoded", "dia309_utt0": "wrongly cut"},
    "dev": {"dia110_utt7": "was not published"},
    "test": {"dia38_utt4": "minutes long, wrongly cut", "dia220_utt0": "minutes long, wrongly cut"},
}
_FILE = re.compile(r"dia\d+_utt\d+")


def meld_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of one of the three tables, each with an Utterance, a Sentiment and an Emotion.

    Raises:
        CorpusError: the table cannot be read, lacks a column or has a label that MELD has not.
    """
    rows = csv.DictReader(line + "\n" for _, line in numbered_lines(path))
    missing = {"Utterance", "Sentiment", "Emotion"} - set(rows.fieldnames or ())
    if missing:
        raise CorpusError(str(path), [f"line 1: no column {' or '.join(sorted(missing))} in {rows.fieldnames}"])
    for row in rows:
        text, sentiment, emotion = row["Utterance"], row["Sentiment"], row["Emotion"]
        if not (text or "").strip() or sentiment not in SENTIMENTS or emotion not in TEXT_EMOTIONS:
            expected = f"an Utterance, a Sentiment of {', '.join(SENTIMENTS)} and an Emotion of "
            raise malformed(path, rows.line_num, expected + ", ".join(TEXT_EMOTIONS), row)
        yield row


def read_meld_audio(folder: Path, part: Part = "test") -> Corpus:
    """The sound of one of the authors' parts, whose table and videos lie anywhere below ``folder``.

    All of the part has to be there, since figures on MELD are about its parts. Videos may have been turned into any
    audio format, with the same names.

    Raises:
        CorpusError: the table or the folder of videos is missing or there twice, an utterance has no video or more than
            one, or the table is malformed.
    """
    files, others = _recordings(_only(folder, _VIDEOS[part]))
    unusable = _UNUSABLE[part]
    problems = []
    notes = []
    clips = []
    for key, row in meld_utterances(meld_table(folder, part)).items():
        paths = files.pop(key, [])
        if key in unusable:
            notes.append(f"{key}: {unusable[key]}, left out")
        elif not paths:
            problems.append(f"{key}: missing")
        elif len(paths) > 1:
            problems.append(f"{paths[1]}: the same clip as {paths[0]}; keep one of them")
        else:
            clips.append(Clip(key, paths[0], MELD[row["Emotion"]], row["Speaker"].strip()))
    if problems:
        raise CorpusError(f"{NAME} {part}", problems)
    without = others + sum(map(len, files.values()))
    if without:
        notes.append(f"{without} files that the table does not tell of, left out")
    ordered = tuple(sorted(clips, key=lambda clip: clip.key))
    return Corpus(f"{NAME} {part}", classes(MELD), ordered, tuple(notes))


def meld_table(folder: Path, part: Part) -> Path:
    """The table of a part, anywhere below ``folder``.

    Raises:
        CorpusError: it is missing or there twice.
    """
    return _only(folder, f"{part}_sent_emo.csv")


def _only(folder: Path, name: str) -> Path:
    """The one file or folder called ``name`` below ``folder``."""
    found = sorted(folder.rglob(name))
    if not found:
        raise CorpusError(NAME, [f"{folder} holds no {name}; unpack the archive of this part there"])
    if len(found) > 1:
        raise CorpusError(NAME, [f"{path}: one of {len(found)} called so; keep one of them" for path in found])
    return found[0]


def _recordings(folder: Path) -> tuple[dict[str, list[Path]], int]:
    """The files of each utterance, and how many there are of no utterance: second cuts and macOS's own ``._`` files."""
    files: dict[str, list[Path]] = {}
    others = 0
    for path in sorted(folder.iterdir()):
        if _FILE.fullmatch(path.stem) and path.suffix.lower() in AUDIO_SUFFIXES | {".mp4"}:
            files.setdefault(path.stem, []).append(path)
        else:
            others += 1
    return files, others


def meld_utterances(table: Path) -> dict[str, dict[str, str]]:
    """The rows of a table under the names of their videos.

    Raises:
        CorpusError: the table is malformed, or a name is there twice.
    """
    found: dict[str, dict[str, str]] = {}
    for row in meld_rows(table):
        if not all(row.get(column) for column in ("Dialogue_ID", "Utterance_ID", "Speaker")):
            raise CorpusError(str(table), [f"no Dialogue_ID, Utterance_ID and Speaker in {row}"])
        key = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
        if key in found:
            raise CorpusError(str(table), [f"{key} is there twice"])
        found[key] = row
    return found
