"""What is asked of a model about the test part of a corpus, and how its answers compare with others'."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.text import TextModel
from training.text import metrics
from training.text.baselines import Vader, majority
from training.text.datasets import Corpus, Example
from training.text.metrics import Bools, Doubles, Floats
from training.text.scores import grouped

_SEED: Final = 20
_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be told about a text, and the labels that an example of a corpus has for it."""

    name: str
    head: str
    labels: tuple[str, ...]
    known: Callable[[Example], tuple[str, ...]]

    def told_by(self, heads: Mapping[str, Sequence[str]]) -> bool:
        """Whether a model with these labels by head can tell it."""
        return self.head in heads and (self is EMOTION or set(self.labels) == set(heads[self.head]))

    def scores(self, heads: Mapping[str, Sequence[str]], probabilities: Mapping[str, Floats]) -> Floats:
        """Probabilities (N, labels), of those that a model with these heads gave."""
        labels, found = heads[self.head], probabilities[self.head]
        return grouped(found, labels) if self is EMOTION else found[:, [labels.index(label) for label in self.labels]]

    def cells(self, examples: Sequence[Example]) -> Bools:
        """Which labels the examples have: (N, labels)."""
        return np.array([[label in self.known(example) for label in self.labels] for example in examples])


SENTIMENT: Final = Task("sentiment", "sentiment", SENTIMENTS, lambda e: (e.sentiment,) if e.sentiment else ())
EMOTION: Final = Task("emotion", "emotion", TEXT_EMOTIONS, lambda e: e.emotions)
FINE_EMOTION: Final = Task("fine_emotion", "emotion", tuple(GOEMOTIONS), lambda e: e.fine_emotions)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a reader says of N texts.

    Attributes:
        given: the labels that it gives them, (N, labels).
        confidence: the probability of the one label that it gives each, (N,); None where there is none.
        facts: what is to be known of it beside its figures.
    """

    given: Bools
    confidence: Doubles | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def right(self, true: Bools) -> Bools:
        """Which texts (N,) are given a label that they have."""
        return np.asarray((self.given & true).any(axis=1))


def read(model: TextModel, texts: Sequence[str], about: str) -> dict[str, Floats]:
    """Probabilities (N, labels) of each head, showing how far it is."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found = {head: np.empty((len(texts), len(labels)), dtype=np.float32) for head, labels in model.heads.items()}
    with tqdm(total=len(texts), desc=about, unit="text", mininterval=5) as progress:
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            for head, values in model.read([texts[row].strip() for row in rows]).probabilities.items():
                found[head][rows] = values
            progress.update(len(rows))
    return found


def corpus_parts(corpus: Corpus, models: Mapping[str, TextModel], vader: Vader) -> list[dict[str, Any]]:
    """Results of each task that ``models`` tell and ``corpus`` knows about, in two protocols at most.

    ``one label`` is about the texts that have just one, and takes the likeliest as the answer. ``several labels``, for
    tasks of which texts have more, is that of GoEmotions' authors: about all texts, each given every label whose
    probability passes one threshold. It is chosen on the dev part, for each model by itself.

    Args:
        models: the first is reported in full; it is also compared with the second, if there is one.
    """
    heads = next(iter(models.values())).heads
    tasks = [
        task
        for task in (SENTIMENT, EMOTION, FINE_EMOTION)
        if task.told_by(heads) and any(task.known(example) for example in corpus.test)
    ]
    several = [task for task in tasks if any(len(task.known(example)) > 1 for example in corpus.train)]

    def all_scores(examples: Sequence[Example], part: str) -> dict[str, dict[str, Floats]]:
        """By task and model."""
        texts = [example.text for example in examples]
        found = {name: read(model, texts, f"{name}: {corpus.name}, {part}") for name, model in models.items()}
        return {task.name: {name: task.scores(heads, values) for name, values in found.items()} for task in tasks}

    test = all_scores(corpus.test, "test")
    dev = all_scores(corpus.dev, "dev") if several else {}
    return [_one_label(corpus, task, test[task.name], vader) for task in tasks] + [
        _several_labels(corpus, task, test[task.name], dev[task.name]) for task in several
    ]


def _one_label(corpus: Corpus, task: Task, scores: Mapping[str, Floats], vader: Vader) -> dict[str, Any]:
    rows = [row for row, example in enumerate(corpus.test) if len(task.known(example)) == 1]
    true = task.cells([corpus.test[row] for row in rows])
    answers = {}
    for name, found in scores.items():
        values = found[rows].astype(np.float64)
        answers[name] = Answers(metrics.one_hot(values.argmax(1), len(task.labels)), values.max(1))
    if task is SENTIMENT:
        labels = np.array([task.labels.index(vader.sentiment(corpus.test[row].text)) for row in rows])
        answers["VADER"] = Answers(metrics.one_hot(labels, len(task.labels)))
    known = [task.known(example) for example in corpus.train]
    answers["majority"] = _majority(task, [labels for labels in known if len(labels) == 1], len(rows))

    model = next(iter(answers.values()))
    results = _results(task, true, answers, compared=list(scores))
    results["confusion"] = (true.T.astype(np.int64) @ model.given).tolist()
    if model.confidence is not None:
        results["reliability"] = metrics.reliability(model.confidence, model.right(true))
    return {"task": task.name, "protocol": "one label", **results}


def _several_labels(
    corpus: Corpus, task: Task, scores: Mapping[str, Floats], dev: Mapping[str, Floats]
) -> dict[str, Any]:
    rows = [row for row, example in enumerate(corpus.test) if task.known(example)]
    answers = {}
    for name, found in scores.items():
        threshold = metrics.best_threshold(task.cells(corpus.dev), dev[name].astype(np.float64))
        answers[name] = Answers(found[rows] >= threshold, facts={"threshold": threshold})
    answers["majority"] = _majority(task, [task.known(example) for example in corpus.train], len(rows))
    true = task.cells([corpus.test[row] for row in rows])
    return {"task": task.name, "protocol": "several labels", **_results(task, true, answers, compared=list(scores))}


def _majority(task: Task, known: Sequence[tuple[str, ...]], texts: int) -> Answers:
    """The commonest label of the training part, for every text."""
    label = majority(chain.from_iterable(known))
    given = metrics.one_hot(np.full(texts, task.labels.index(label)), len(task.labels))
    return Answers(given, facts={"label": label})


def _results(task: Task, true: Bools, answers: Mapping[str, Answers], compared: Sequence[str]) -> dict[str, Any]:
    """The figures of every reader, the first one's by class, and the difference of the first two models ``compared``.

    ``neutral`` is the share of texts that are given that label, and of a class that of texts that have it.
    """
    weights = metrics.resamples(len(true), _SEED)
    neutral = task.labels.index("neutral")
    draws = {}
    for name, answer in answers.items():
        draws[name] = metrics.headline(true, answer.given, weights)
        draws[name]["neutral"] = weights @ answer.given[:, neutral] / len(true)
        if answer.confidence is not None:
            draws[name]["calibration_error"] = metrics.calibration_error(answer.confidence, answer.right(true), weights)
    first, *others = compared
    classes = metrics.class_scores(true, answers[first].given, weights)
    results = {
        "texts": len(true),
        "neutral": metrics.rounded(true[:, neutral].mean()),
        "readers": {name: {**answer.facts, **metrics.figures(draws[name])} for name, answer in answers.items()},
        "classes": {
            label: {
                "texts": int(true[:, column].sum()),
                "recall": metrics.figure(classes.recall[:, column]),
                "precision": metrics.figure(classes.precision[:, column]),
            }
            for column, label in enumerate(task.labels)
        },
    }
    if others:
        results["difference"] = metrics.differences(draws[first], draws[others[0]])
    return results
