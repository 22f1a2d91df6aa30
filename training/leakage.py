"""What a split that leaks does to a figure: one model, the same recordings, three protocols.

    python -m training leakage --data DIR

Every recording is there several times, as it is and augmented (:data:`COPIES`), and each protocol trains on four fifths
of all copies. They differ only in what may stand on both sides of a split: nothing of a speaker, nothing of a
recording, or anything. What is scored is the same each time: every recording as it is, once.

The model is a support vector machine on the statistics of MFCC. It takes seconds where a Random Forest takes minutes,
and remembers single recordings better than a forest, whose trees average over many: it shows plainly what there is to
see.
"""

import argparse
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.audio.features import Floats
from training import demonstration
from training.card import with_interval
from training.configuration import shipped
from training.datasets import Corpus
from training.demonstration import MODEL, Document, colophon, made_with, publish, tally, trained
from training.experiment import PROTOCOLS
from training.features import VARIANTS, load_features
from training.loaded import Loaded
from training.splits import Indices, LeakageError, Split
from training.text.markdown import table

COPIES: Final = ("wideband", "wideband, pitch, noise", "wideband, tempo, mp3", "wideband, speed, opus, noise")
"""Of :data:`training.features.VARIANTS`, those that every recording is there in, itself first."""

APART, RANDOM, LEAKY = "speakers apart", "random split", "augmentation before a random split"
_LIBRARIES: Final = ("av", "librosa", "numpy", "scikit-learn", "scipy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    demonstration.add_arguments(parser, corpus="ravdess")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where features are kept (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="to compute them (%(default)s)")


def run(options: argparse.Namespace) -> None:
    publish("leakage", options, partial(_of_corpus, runs=options.runs, workers=options.workers), page)


def _of_corpus(corpus: Corpus, *, runs: Path, workers: int) -> Document:
    configuration = shipped(f"{corpus.name.lower()}_rf_mfcc")
    features = load_features(
        corpus, configuration.front_end, runs / "features", workers=workers, seed=configuration.seed
    )
    return measure(Loaded(configuration, corpus, features))


@dataclass(frozen=True)
class Copies:
    """All copies of all recordings, those of one clip side by side in the order of :data:`COPIES`.

    ``inputs`` (n, values), and for each its class, its speaker and the recording that it is a copy of.
    """

    inputs: Floats
    truth: Indices
    speakers: NDArray[np.str_]
    recordings: NDArray[np.str_]

    @classmethod
    def of(cls, loaded: Loaded) -> "Copies":
        variants = [_statistics(loaded, VARIANTS.index(name)) for name in COPIES]
        return cls(
            np.stack(variants, axis=1).reshape(len(COPIES) * len(loaded.truth), -1),
            *(np.repeat(each, len(COPIES)) for each in (loaded.truth, loaded.speakers, loaded.features.recordings)),
        )

    @property
    def originals(self) -> NDArray[np.bool_]:
        first: NDArray[np.bool_] = np.arange(len(self.truth)) % len(COPIES) == 0
        return first


def _statistics(loaded: Loaded, variant: int) -> Floats:
    """Of each clip, whole, in one variant: (clips, values)."""
    frames, starts = loaded.features.frames[variant], loaded.features.starts[variant]
    mel, front_end = loaded.features.columns["mel"], loaded.configuration.front_end
    clips = (frames[start:end, mel].astype(np.float32) for start, end in pairwise(starts))
    return np.concatenate([front_end.compose({"mel": clip[None]}) for clip in clips])


def measure(loaded: Loaded) -> Document:
    """The figures of the three protocols, five folds each."""
    copies = Copies.of(loaded)
    safe = {split.name: _tested(split) for split in loaded.splits()}
    leaky = _dealt_out_one_by_one(copies.truth, seed=loaded.configuration.seed)
    protocols = {
        APART: [safe[name] for name in PROTOCOLS["speaker-independent"]],
        RANDOM: [safe[name] for name in PROTOCOLS["paper"]],
        LEAKY: leaky,
    }
    return {
        "model": MODEL,
        "copies": COPIES,
        "labels": loaded.corpus.labels,
        "protocols": {
            name: _figures(copies, tested, loaded.corpus.labels, seed=loaded.configuration.seed)
            for name, tested in protocols.items()
        },
        "refusal": _refusal(leaky[0], copies.recordings),
        **made_with(loaded.corpus, _LIBRARIES),
    }


def _tested(split: Split) -> Indices:
    """The copies to test on: a clip's all go where the clip goes."""
    return (split.test[:, None] * len(COPIES) + np.arange(len(COPIES))).ravel()


def _dealt_out_one_by_one(truth: Indices, *, seed: int) -> list[Indices]:
    """The mistake, made on purpose here and nowhere else: each copy is taken for a recording of its own."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return [test for _, test in folds.split(np.zeros(len(truth)), truth)]


def _refusal(test: Indices, recordings: NDArray[np.str_]) -> str:
    """What our own split says when it is to be made of such parts."""
    train = np.setdiff1d(np.arange(len(recordings)), test)
    try:
        Split(LEAKY, train, np.array([], dtype=np.int64), test, recordings.tolist())
    except LeakageError as refusal:
        return str(refusal)
    raise AssertionError("a split that leaks was made")


def _figures(copies: Copies, folds: Iterable[Indices], labels: tuple[str, ...], *, seed: int) -> dict[str, Any]:
    predicted = np.full(len(copies.truth), -1)
    heard = {"speaker": np.zeros(len(predicted), dtype=bool), "recording": np.zeros(len(predicted), dtype=bool)}
    for test in folds:
        # Nothing is chosen on the way, so all that is not tested is trained on.
        train = np.setdiff1d(np.arange(len(predicted)), test)
        predicted[test] = trained(copies.inputs[train], copies.truth[train])(copies.inputs[test])
        heard["speaker"][test] = np.isin(copies.speakers[test], copies.speakers[train])
        heard["recording"][test] = np.isin(copies.recordings[test], copies.recordings[train])
    originals = copies.originals
    answers = tally(predicted[originals], copies.truth[originals], copies.speakers[originals], len(labels))
    return {
        **demonstration.figures(answers, labels, seed=seed),
        "accuracy_of_all_copies": round(float(np.mean(predicted == copies.truth)), 4),
        "heard_before": {name: round(float(known[originals].mean()), 4) for name, known in heard.items()},
    }


def page(document: Document) -> str:
    """The results as Markdown, for readers who have never trained a model."""
    protocols = document["protocols"]
    apart, random, leaky = (protocols[name] for name in (APART, RANDOM, LEAKY))
    chance = 100 / len(document["labels"])
    sections = [
        "# What a split that leaks does to a figure",
        f"{apart['clips']:,} recordings of {document['corpus']} by {apart['speakers']} speakers, "
        f"{len(document['labels'])} emotions, one model. The three rows differ in nothing but how the recordings were "
        "divided into those that the model learns from and those that it is tested on.",
        table(
            ("protocol", "accuracy", "UAR", "tests whose speaker it has heard", "tests it has heard a copy of"),
            (
                (
                    name,
                    with_interval(figures, "accuracy"),
                    with_interval(figures, "uar"),
                    *(f"{100 * figures['heard_before'][what]:.0f} %" for what in ("speaker", "recording")),
                )
                for name, figures in protocols.items()
            ),
        ),
        f"Guessing gives {chance:.1f} %. UAR is the mean of the class recalls; brackets hold 95 % intervals from a "
        "bootstrap over speakers. No interval warns of a leak: it says how much a figure varies among these speakers, "
        "not whether the test was a fair one.",
        "## Why they differ",
        "Whoever asks how good a model is wants to know what it makes of somebody who calls for the first time. A test "
        "tells that only as far as its recordings are as new to the model as that caller.",
        f"**{APART.capitalize()}** keeps all recordings of a speaker on one side. Every voice of the test is new, as a "
        f"caller's is: {_percent(apart)} is what to expect.",
        f"**{RANDOM.capitalize()}** deals out the recordings like cards, so that most of what each speaker said is "
        "learned from and the rest is the test. The model has heard these very voices, each in the emotion that it is "
        f"then asked about, and needs only to find the most similar one. That is worth {_points(random, apart)} here, "
        "and nothing with a stranger.",
        f"**{LEAKY.capitalize()}** flatters most. Augmentation makes copies of a recording, higher, faster or noisier, "
        "so that a model learns what does not matter. Made first and dealt out with the rest, copies of one recording "
        f"come to lie on both sides: {100 * leaky['heard_before']['recording']:.0f} % of the tests have a copy among "
        "what was learned, with the answer. It is an exam whose questions were handed out the evening before, slightly "
        f"reworded, and worth another {_points(leaky, random)}.",
        "All three learn from augmented copies, and from as many of them; only in the last a copy may be parted from "
        "its recording. What is scored is every recording as it is, once. Scored on the copies as well, the three give "
        + ", ".join(f"{100 * figures['accuracy_of_all_copies']:.1f} %" for figures in protocols.values())
        + ".",
        "## Why it cannot happen here",
        "Everywhere else a model is trained on a `Split` (`training/splits.py`), which names for every recording what "
        "must not stand on two sides, and does not come into being otherwise. Copies are made after it, of what is on "
        "the training side. Handed the parts of the third row, it says:",
        f"> {document['refusal']}",
        "The tables of this project show the first two protocols side by side, and only the first says what to expect.",
        "## How it was measured",
        f"The model is {document['model']} on statistics of MFCC; five folds a protocol, each recording tested once. "
        f"The copies: {'; '.join(document['copies'])}. `python -m training leakage --data DIR` measures it and writes "
        "`leakage.json`; with `--report` it writes this page of that file.",
        colophon(document),
    ]
    return "\n\n".join(sections) + "\n"


def _percent(figures: Document) -> str:
    return f"{100 * figures['accuracy']:.1f} %"


def _points(figures: Document, other: Document) -> str:
    return f"{100 * (figures['accuracy'] - other['accuracy']):.1f} points"
