"""Readers of the text corpora, in the layouts in which their authors publish them.

Every corpus ends up with the three classes of :data:`service.emotions.SENTIMENTS`:

- SST-5 (Socher et al. 2013): very negative and negative, neutral, positive and very positive.
- MELD (Poria et al. 2019): its own sentiment column.
- GoEmotions (Demszky et al. 2020): the 27 emotions by the authors' own sentiment grouping. A text is dropped
  when its labels disagree about the sentiment or one is ambiguous (confusion, curiosity, realization,
  surprise).
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from service.emotions import SENTIMENTS
from training.datasets.clips import CorpusError

_SST_SENTIMENTS: Final = ("negative", "negative", "neutral", "positive", "positive")
_TREEBANK_SPELLINGS: Final = ((" n't", "n't"), ("-lrb-", "("), ("-rrb-", ")"))
_GOEMOTIONS_SENTIMENTS: Final = {
    "neutral": {"neutral"},
    "positive": {
        "admiration",
        "amusement",
        "approval",
        "caring",
        "desire",
        "excitement",
        "gratitude",
        "joy",
        "love",
        "optimism",
        "pride",
        "relief",
    },
    "negative": {
        "anger",
        "annoyance",
        "disappointment",
        "disapproval",
        "disgust",
        "embarrassment",
        "fear",
        "grief",
        "nervousness",
        "remorse",
        "sadness",
    },
    "ambiguous": {"confusion", "curiosity", "realization", "surprise"},
}


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its class, an index into :data:`service.emotions.SENTIMENTS`."""

    text: str
    label: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """The authors' own parts of one data set, and the files that they were read from."""

    name: str
    licence: str
    mapping: str
    """How its labels become the three classes, in words."""
    train: Sequence[Example]
    dev: Sequence[Example]
    test: Sequence[Example]
    files: Sequence[Path]


def read_corpora(data: Path) -> list[Corpus]:
    """SST-5, MELD and GoEmotions from the folders ``sst5``, ``meld`` and ``goemotions`` of ``data``.

    Raises:
        CorpusError: a file is missing or malformed.
    """
    return [read_sst5(data / "sst5"), read_meld(data / "meld"), read_goemotions(data / "goemotions")]


def read_sst5(folder: Path) -> Corpus:
    """``stsa.fine.{train,dev,test}``: a class from 0 to 4, a space and the text on each line.

    The treebank's spellings of "n't" and of round brackets are turned back into ordinary ones.
    """
    files = [folder / f"stsa.fine.{part}" for part in ("train", "dev", "test")]

    def examples(path: Path) -> Iterator[Example]:
        for number, line in _lines(path):
            digit, _, text = line.partition(" ")
            if digit not in {"0", "1", "2", "3", "4"} or not text.strip():
                raise _malformed(path, number, "a class from 0 to 4, a space and a text", line)
            for treebank, ordinary in _TREEBANK_SPELLINGS:
                text = text.replace(treebank, ordinary)
            yield Example(text, SENTIMENTS.index(_SST_SENTIMENTS[int(digit)]))

    return _corpus("SST-5", "research use", "5 classes, the outer two of each side joined", files, examples)


def read_meld(folder: Path) -> Corpus:
    """``{train,dev,test}_sent_emo.csv`` with the columns Utterance and Sentiment."""
    files = [folder / f"{part}_sent_emo.csv" for part in ("train", "dev", "test")]

    def examples(path: Path) -> Iterator[Example]:
        rows = csv.DictReader(line + "\n" for _, line in _lines(path))
        missing = {"Utterance", "Sentiment"} - set(rows.fieldnames or ())
        if missing:
            raise CorpusError(str(path), [f"line 1: no column {' or '.join(sorted(missing))} in {rows.fieldnames}"])
        for row in rows:
            if row["Sentiment"] not in SENTIMENTS or not (row["Utterance"] or "").strip():
                raise _malformed(path, rows.line_num, "an Utterance and a Sentiment of " + ", ".join(SENTIMENTS), row)
            yield Example(row["Utterance"], SENTIMENTS.index(row["Sentiment"]))

    return _corpus("MELD", "GPL-3.0 (its repository)", "its sentiment labels", files, examples)


def read_goemotions(folder: Path) -> Corpus:
    """``labels.txt`` and ``{train,dev,test}.tsv``: text, TAB, label numbers separated by commas, TAB, id."""
    names_file = folder / "labels.txt"
    files = [folder / f"{part}.tsv" for part in ("train", "dev", "test")]
    grouping = {name: sentiment for sentiment, names in _GOEMOTIONS_SENTIMENTS.items() for name in names}
    sentiments = {}
    for number, name in _lines(names_file):
        if name not in grouping:
            raise _malformed(names_file, number, "one of the 28 GoEmotions labels", name)
        sentiments[str(number - 1)] = grouping[name]

    def examples(path: Path) -> Iterator[Example]:
        for number, line in _lines(path):
            fields = line.split("\t")
            if len(fields) != 3 or not fields[0].strip() or not set(fields[1].split(",")) <= sentiments.keys():
                raise _malformed(path, number, "a text, label numbers and an id between tabs", line)
            found = {sentiments[label] for label in fields[1].split(",")}
            if len(found) == 1 and found != {"ambiguous"}:
                yield Example(fields[0], SENTIMENTS.index(found.pop()))

    mapping = "27 emotions by the authors' sentiment groups; texts of mixed or ambiguous labels left out"
    corpus = _corpus("GoEmotions", "Apache-2.0", mapping, files, examples)
    return replace(corpus, files=[names_file, *files])


def fingerprint(corpora: Iterable[Corpus]) -> str:
    """SHA-256 over the names and hashes of every file of ``corpora``: any other byte is another one."""
    digest = hashlib.sha256()
    for corpus in corpora:
        for path in corpus.files:
            digest.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode())
    return digest.hexdigest()


def _corpus(
    name: str, licence: str, mapping: str, files: Sequence[Path], examples: Callable[[Path], Iterable[Example]]
) -> Corpus:
    train, dev, test = (tuple(examples(path)) for path in files)
    for path, part in zip(files, (train, dev, test), strict=True):
        if not part:
            raise CorpusError(str(path), ["it holds no text"])
    return Corpus(name, licence, mapping, train, dev, test, files)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of ``path``, split at line feeds only: texts hold other Unicode line breaks."""
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CorpusError(str(path), [f"it cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise CorpusError(str(path), [f"it is not UTF-8: {error}"]) from error
    yield from enumerate(content.removesuffix("\n").split("\n"), start=1)


def _malformed(path: Path, number: int, expected: str, found: object) -> CorpusError:
    return CorpusError(str(path), [f"line {number}: expected {expected}, found {found!r}"])
