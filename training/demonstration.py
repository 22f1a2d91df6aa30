"""What the demonstrations share: one fast model, and a report that is JSON first and Markdown made of it."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.audio.features import Floats
from training import REPORTS
from training.card import commit, write_json
from training.datasets import Corpus, read_emogator, read_ravdess
from training.metrics import Predictions, Tally, report

READERS: Final = {"ravdess": read_ravdess, "emogator": read_emogator}
MODEL: Final = "a support vector machine (RBF kernel, C = 10, settings not tuned)"
_FIGURES: Final = ("clips", "speakers", "accuracy", "accuracy_interval", "uar", "uar_interval", "recall", "confusion")

Document = Mapping[str, Any]
Indices = NDArray[np.int64]


def add_arguments(parser: argparse.ArgumentParser, *, corpus: str) -> None:
    """What every demonstration is asked; ``corpus`` is the one that is taken unless another is named."""
    parser.add_argument("--data", type=Path, help="the folder that holds ravdess and emogator, in their layouts")
    parser.add_argument("--corpus", choices=READERS, default=corpus, help="which of them (%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORTS, help="where the report goes (training/reports)")
    parser.add_argument(
        "--report", action="store_true", help="measure nothing; write the page of the figures there are"
    )


def publish(
    name: str, options: argparse.Namespace, measure: Callable[[Corpus], Document], page: Callable[..., str]
) -> None:
    """Write ``<name>.json``, what ``measure`` finds, and ``<name>.md``, the ``page`` made of that file.

    Raises:
        CorpusError: the corpus is not whole.
        SystemExit: there is nothing to measure or, with ``--report``, nothing that was measured.
    """
    figures, text = (options.out / f"{name}.{kind}" for kind in ("json", "md"))
    if not options.report:
        if options.data is None:
            raise SystemExit(f"training {name}: --data is needed to measure; --report does without")
        document = measure(READERS[options.corpus](options.data / options.corpus))
        options.out.mkdir(parents=True, exist_ok=True)
        write_json(document, figures)
    elif not figures.exists():
        raise SystemExit(f"training {name}: {figures} is not there; --data measures it")
    text.write_text(page(json.loads(figures.read_text(encoding="utf-8"))), encoding="utf-8")
    print(f"Written to {text}")


def made_with(corpus: Corpus, libraries: Iterable[str]) -> dict[str, Any]:
    """What the figures were made of and by."""
    return {
        "corpus": corpus.name,
        "fingerprint": corpus.fingerprint(),
        "commit": commit(),
        "libraries": {name: version(name) for name in libraries},
    }


def colophon(document: Document) -> str:
    """:func:`made_with` as the last line of a page."""
    libraries = ", ".join(f"{name} {number}" for name, number in document["libraries"].items())
    return (
        f"{document['corpus']}, data fingerprint `{document['fingerprint'][:16]}…`, commit {document['commit']}, "
        f"{libraries}."
    )


def trained(inputs: Floats, truth: Indices) -> Callable[[Floats], Indices]:
    """:data:`MODEL` fitted on ``inputs`` (n, values), each value scaled to its spread, and classes ``truth`` (n,)."""
    # Imported late: scikit-learn takes seconds.
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    predict: Callable[[Floats], Indices] = make_pipeline(StandardScaler(), SVC(C=10)).fit(inputs, truth).predict
    return predict


def tally(predicted: Indices, truth: Indices, speakers: NDArray[np.str_], classes: int) -> Tally:
    """The answers of a model that gives no probabilities."""
    return Tally.of(Predictions(np.eye(classes)[predicted], truth, speakers))


def figures(answers: Tally, labels: tuple[str, ...], *, seed: int) -> dict[str, Any]:
    """:func:`training.metrics.report` without what needs probabilities."""
    whole = report(answers, labels, seed=seed)
    return {name: whole[name] for name in _FIGURES}
