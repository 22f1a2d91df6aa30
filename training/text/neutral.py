"""The paper's own question: how much of what people say comes out neutral, and so leaves it to the voice."""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

from service.inference.sentences import sentence_spans
from service.inference.text import TextModel
from training.text.baselines import Vader
from training.text.calls import describe, transcribe
from training.text.metrics import rounded
from training.text.parts import EMOTION, SENTIMENT, Task, read

RAVDESS: Final = ("Kids are talking by the door", "Dogs are sitting by the door")
"""The two sentences that its actors say in every emotion (Livingstone & Russo 2018), each in half of the clips."""


def of_statements(model: TextModel, vader: Vader) -> list[dict[str, Any]]:
    """What is read in each of RAVDESS' two sentences."""
    found = read(model, RAVDESS, "RAVDESS")
    results = []
    for row, text in enumerate(RAVDESS):
        result: dict[str, Any] = {"text": text, "VADER": vader.sentiment(text)}
        for task in _told(model):
            scores = task.scores(model.heads, found)[row]
            result[task.name] = {"label": task.labels[scores.argmax()], "confidence": rounded(scores.max())}
        results.append(result)
    return results


def of_calls(model: TextModel, vader: Vader, calls: Path, recogniser: Path) -> dict[str, Any]:
    """Shares of the labels over utterances and over sentences; no word of them is kept."""
    heard = transcribe(calls, recogniser)
    sentences = {call: list(chain.from_iterable(map(_sentences, texts))) for call, texts in heard.items()}
    return {
        "recogniser": describe(recogniser),
        "utterances": shares(model, vader, heard),
        "sentences": shares(model, vader, sentences),
    }


def shares(model: TextModel, vader: Vader, calls: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Those of the texts of all ``calls`` and of each."""
    texts = list(chain.from_iterable(calls.values()))
    found = read(model, texts, "calls")
    given = {"VADER": (SENTIMENT.labels, [vader.sentiment(text) for text in texts])}
    for task in _told(model):
        likeliest = task.scores(model.heads, found).argmax(1)
        given[task.name] = (task.labels, [task.labels[label] for label in likeliest])
    owners = list(chain.from_iterable(repeat(call, len(said)) for call, said in calls.items()))

    def of(rows: Sequence[int]) -> dict[str, Any]:
        return {"texts": len(rows)} | {
            name: {label: rounded(sum(names[row] == label for row in rows) / max(len(rows), 1)) for label in labels}
            for name, (labels, names) in given.items()
        }

    by_call = {call: of([row for row, owner in enumerate(owners) if owner == call]) for call in calls}
    return {"all": of(range(len(texts))), "by_call": by_call}


def _told(model: TextModel) -> list[Task]:
    return [task for task in (SENTIMENT, EMOTION) if task.told_by(model.heads)]


def _sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentence_spans(text)]
