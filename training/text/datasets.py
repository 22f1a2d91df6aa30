"""Readers of the text corpora, in the layouts in which their authors publish them.

- SST-5 (Socher et al. 2013) has a sentiment: very negative and negative, neutral, positive and very positive.
- MELD (Poria et al. 2019) has a sentiment and one of :data:`service.emotions.TEXT_EMOTIONS`.
- GoEmotions (Demszky et al. 2020) has one or more of 28 emotions. Its sentiment is the authors' grouping of them; a
  text whose labels disagree about it, or one of whose labels is ambiguous (confusion, curiosity, realization,
  surprise), has none.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from service.emotions import GOEMOTIONS
from service.inference.emoji import spell_out
from training.datasets.clips import CorpusError
from training.datasets.lines import malformed, numbered_lines
from training.datasets.meld import meld_rows

_SST_SENTIMENTS: Final = ("negative", "negative", "neutral", "positive", "positive")
_TREEBANK_SPELLINGS: Final = ((" n't", "n't"), ("-lrb-", "("), ("-rrb-", ")"))
_AMBIGUOUS: Final = {"confusion", "curiosity", "realization", "surprise"}
_GROUP_SENTIMENTS: Final = {
    "anger": "negative",
    "disgust": "negative",
    "fear": "negative",
    "sadness": "negative",
    "neutral": "neutral",
    "joy": "positive",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A text and what is known of it; what is not known is None or empty."""

    text: str
    sentiment: str | None = None
    emotions: tuple[str, ...] = ()
    """Of :data:`service.emotions.TEXT_EMOTIONS`, each once."""
    fine_emotions: tuple[str, ...] = ()
    """Of :data:`service.emotions.GOEMOTIONS`."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The authors' own parts of one data set, and the files that they were read from."""

    name: str
    licence: str
    mapping: str
    """What becomes of its labels, in words."""
    train: Sequence[Example]
    dev: Sequence[Example]
    test: Sequence[Example]
    files: Sequence[Path]


def read_corpora(data: Path) -> list[Corpus]:
    """SST-5, MELD and GoEmotions from the folders ``sst5``, ``meld`` and ``goemotions`` of ``data``.

    No text of a dev or test part, whatever its case and spacing, is in a training part of any of them.

    Raises:
        CorpusError: a file is missing or malformed.
    """
    corpora = [read_sst5(data / "sst5"), read_meld(data / "meld"), read_goemotions(data / "goemotions")]
    held_out = {_normalized(example.text) for corpus in corpora for example in (*corpus.dev, *corpus.test)}
    return [
        replace(corpus, train=[example for example in corpus.train if _normalized(example.text) not in held_out])
        for corpus in corpora
    ]


def read_sst5(folder: Path) -> Corpus:
    """``stsa.fine.{train,dev,test}``: a class from 0 to 4, a space and the text on each line.

    The treebank's spellings of "n't" and of round brackets are turned back into ordinary ones.
    """
    files = [folder / f"stsa.fine.{part}" for part in ("train", "dev", "test")]

    def examples(path: Path) -> Iterator[Example]:
        for number, line in numbered_lines(path):
            digit, _, text = line.partition(" ")
            if digit not in {"0", "1", "2", "3", "4"} or not text.strip():
                raise malformed(path, number, "a class from 0 to 4, a space and a text", line)
            for treebank, ordinary in _TREEBANK_SPELLINGS:
                text = text.replace(treebank, ordinary)
            yield Example(text, _SST_SENTIMENTS[int(digit)])

    return _corpus("SST-5", "research use", "5 classes, the outer two of each side joined", files, examples)


def read_meld(folder: Path) -> Corpus:
    """``{train,dev,test}_sent_emo.csv`` with the columns Utterance, Sentiment and Emotion."""
    files = [folder / f"{part}_sent_emo.csv" for part in ("train", "dev", "test")]

    def examples(path: Path) -> Iterator[Example]:
        for row in meld_rows(path):
            yield Example(row["Utterance"], row["Sentiment"], (row["Emotion"],))

    return _corpus("MELD", "GPL-3.0 (its repository)", "its sentiment and emotion labels", files, examples)


def read_goemotions(folder: Path) -> Corpus:
    """``labels.txt`` and ``{train,dev,test}.tsv``: text, TAB, label numbers separated by commas, TAB, id."""
    names_file = folder / "labels.txt"
    files = [folder / f"{part}.tsv" for part in ("train", "dev", "test")]
    names = {}
    for number, name in numbered_lines(names_file):
        if name not in GOEMOTIONS:
            raise malformed(names_file, number, "one of the 28 GoEmotions labels", name)
        names[str(number - 1)] = name

    def examples(path: Path) -> Iterator[Example]:
        for number, line in numbered_lines(path):
            fields = line.split("\t")
            if len(fields) != 3 or not fields[0].strip() or not set(fields[1].split(",")) <= names.keys():
                raise malformed(path, number, "a text, label numbers and an id between tabs", line)
            labels = tuple(names[label] for label in fields[1].split(","))
            groups = tuple(sorted({GOEMOTIONS[label] for label in labels}))
            sentiments = {_GROUP_SENTIMENTS.get(group) for group in groups}
            agreed = len(sentiments) == 1 and _AMBIGUOUS.isdisjoint(labels)
            yield Example(fields[0], sentiments.pop() if agreed else None, groups, labels)

    mapping = (
        "28 emotions, as they are and in the authors' groups; the sentiment of those groups, "
        "where a text's labels agree about it and none is ambiguous"
    )
    corpus = _corpus("GoEmotions", "Apache-2.0", mapping, files, examples)
    return replace(corpus, files=[names_file, *files])


def spelled_out(corpus: Corpus) -> Corpus:
    """``corpus`` with the names of emoji in their place, for an encoder that knows none."""

    def part(examples: Sequence[Example]) -> list[Example]:
        return [replace(example, text=spell_out(example.text)) for example in examples]

    return replace(corpus, train=part(corpus.train), dev=part(corpus.dev), test=part(corpus.test))


def fingerprint(corpora: Iterable[Corpus]) -> str:
    """SHA-256 over the names and hashes of every file of ``corpora``: any other byte is another one."""
    digest = hashlib.sha256()
    for corpus in corpora:
        for path in corpus.files:
            digest.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode())
    return digest.hexdigest()


def _normalized(text: str) -> str:
    return " ".join(text.casefold().split())


def _corpus(
    name: str, licence: str, mapping: str, files: Sequence[Path], examples: Callable[[Path], Iterable[Example]]
) -> Corpus:
    train, dev, test = (tuple(examples(path)) for path in files)
    for path, part in zip(files, (train, dev, test), strict=True):
        if not part:
            raise CorpusError(str(path), ["it holds no text"])
    return Corpus(name, licence, mapping, train, dev, test, files)
