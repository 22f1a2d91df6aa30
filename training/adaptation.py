"""Test whether a model hears a speaker better for having heard him before.

    python -m training adaptation speech_encoder --data DIR

A voice that always sounds a little angry moves all its windows one way. Within a call that can be estimated from the
windows so far and taken back: the mean of their logits, shrunk towards what is usual, is subtracted from the next. This
is what normalising the features by the speaker's own mean comes to, since the last layer is linear. But a caller who
*is* angry moves them as well, and loses his anger.

Both are tested on calls made of the test clips of each fold, in random order, with emotions in equal or in very unequal
shares. Nothing of a call is used before it is heard. How much is subtracted is chosen on the calls of the other folds.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.audio.features import Floats
from training import REPORTS
from training.calibrate import clip_probabilities
from training.card import commit, write_json
from training.configuration import shipped
from training.experiment import FOLDS, Experiment
from training.features import BANDS
from training.loaded import Loaded
from training.runs import Job, make_models
from training.splits import Indices
from training.text.markdown import table

_UTTERANCES: Final = 20
_CALLS: Final = 100
# Of the Dirichlet distribution that the shares of a call's emotions are drawn from.
MIXES: Final = {"unequal": 0.3, "equal": np.inf}
# How much is subtracted, and how many usual windows the speaker's own must outweigh.
_STRENGTHS: Final = tuple((share, usual) for share in (0.0, 0.25, 0.5, 0.75, 1.0) for usual in (1, 2, 4, 8, 16))
_SEED: Final = 0

Logits = NDArray[np.float64]


@dataclass(frozen=True)
class Calls:
    """Utterances in the order in which they are heard: ``logits`` (calls, utterances, classes), ``truth`` (calls,
    utterances) and the ``speakers`` (calls,)."""

    logits: Logits
    truth: Indices
    speakers: NDArray[np.str_]

    def correct(self, share: float, usual: int, usual_logits: Logits) -> NDArray[np.float64]:
        """The share of utterances recognised in each call."""
        answers = adapted(self.logits, share, usual, usual_logits).argmax(axis=2)
        found: NDArray[np.float64] = (answers == self.truth).mean(axis=1)
        return found


def adapted(logits: Logits, share: float, usual: int, usual_logits: Logits) -> Logits:
    """``logits`` (calls, utterances, classes), from each utterance ``share`` of what the earlier ones of its call are
    apart from ``usual_logits`` (classes,), which count as ``usual`` utterances more."""
    apart = logits - usual_logits
    before = np.cumsum(apart, axis=1) - apart
    count = np.arange(logits.shape[1])[:, None]
    less: Logits = logits - share * before / (count + usual)
    return less


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("configuration", help="a speech model, such as speech_encoder")
    parser.add_argument("--data", type=Path, required=True, help="the folder of its corpus in the official layout")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where its runs are kept (%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORTS, help="where the report goes (training/reports)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs side by side (%(default)s)")


def run(options: argparse.Namespace) -> None:
    experiment = Experiment(shipped(options.configuration), options.data, options.runs, options.runs)
    make_models([Job(experiment, name) for name in FOLDS], workers=options.workers)
    loaded = experiment.load()
    folds = [_calls(loaded, experiment.onnx(name), name) for name in FOLDS]
    document = {
        "model": experiment.configuration.name,
        "fingerprint": experiment.fingerprint,
        "utterances": _UTTERANCES,
        "calls_a_speaker": _CALLS,
        "seed": _SEED,
        "commit": commit(),
        "mixes": {mix: {band: measure([fold[mix, band] for fold in folds]) for band in BANDS} for mix in MIXES},
    }
    write_json(document, options.out / "adaptation.json")
    (options.out / "adaptation.md").write_text(page(document), encoding="utf-8")
    print(f"Written to {options.out / 'adaptation.md'}")


def _calls(loaded: Loaded, model: Path, name: str) -> dict[tuple[str, str], Calls]:
    """Calls of every mix in every band, of the test speakers of the fold."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    split = next(split for split in loaded.splits() if split.name == name)
    test = loaded.evaluated(split.test)
    speakers = np.asarray(test.speakers)
    calls = {}
    for band, windows in test.windows.items():
        logits = np.log(_heard(session, windows, test.owner, len(test.truth)) + 1e-9)
        for mix, concentration in MIXES.items():
            rng = np.random.default_rng([_SEED, FOLDS.index(name)])
            order = np.stack(
                [
                    drawn(np.flatnonzero(speakers == speaker), test.truth, concentration, rng)
                    for speaker in np.unique(speakers)
                    for _ in range(_CALLS)
                ]
            )
            calls[mix, band] = Calls(logits[order], test.truth[order], speakers[order[:, 0]])
    return calls


def _heard(session: ort.InferenceSession, windows: Floats, owner: Indices, clips: int) -> NDArray[np.float64]:
    batches = (windows[start : start + 64] for start in range(0, len(windows), 64))
    probabilities = np.concatenate([session.run(None, {"input": batch})[0] for batch in batches])
    return clip_probabilities(np.log(np.maximum(probabilities, 1e-30)), 1.0, owner, clips)


def drawn(own: Indices, truth: Indices, concentration: float, rng: np.random.Generator) -> Indices:
    """A call out of a speaker's ``own`` clips, none of them twice: their emotions in shares of that Dirichlet
    ``concentration``, equal ones where it is infinite."""
    classes = np.unique(truth[own])
    equal = np.full(len(classes), 1 / len(classes))
    shares = equal if np.isinf(concentration) else rng.dirichlet(np.full(len(classes), concentration))
    weights = (shares + 1e-6)[np.searchsorted(classes, truth[own])]
    chosen: Indices = rng.choice(own, size=_UTTERANCES, replace=False, p=weights / weights.sum())
    return chosen


def measure(folds: Sequence[Calls]) -> dict[str, Any]:
    """Accuracy without and with adaptation, each fold with what is best for the others."""
    plain, better, speakers, chosen = [], [], [], []
    for fold in folds:
        others = [other for other in folds if other is not fold]
        usual_logits = np.mean(np.concatenate([other.logits.mean(axis=1) for other in others]), axis=0)
        scores = [
            np.mean([other.correct(share, usual, usual_logits).mean() for other in others])
            for share, usual in _STRENGTHS
        ]
        share, usual = _STRENGTHS[int(np.argmax(scores))]
        chosen.append((share, usual))
        plain.append(fold.correct(0.0, 1, usual_logits))
        better.append(fold.correct(share, usual, usual_logits))
        speakers.append(fold.speakers)
    without, adapted_ = np.concatenate(plain), np.concatenate(better)
    who = np.concatenate(speakers)
    gains = np.array([np.mean((adapted_ - without)[who == speaker]) for speaker in np.unique(who)])
    rng = np.random.default_rng(_SEED)
    again = rng.choice(gains, (2000, len(gains))).mean(axis=1)
    return {
        "without": round(float(without.mean()), 4),
        "adapted": round(float(adapted_.mean()), 4),
        "gain": round(float(gains.mean()), 4),
        "gain_interval": [round(float(value), 4) for value in np.quantile(again, [0.025, 0.975])],
        "chosen": [{"share": share, "usual": usual} for share, usual in chosen],
    }


def page(document: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    mixes = document["mixes"]
    sections = [
        f"# {document['model']}: does it help to have heard the speaker before?",
        f"Written by `python -m training adaptation {document['model']} --data DIR`. {document['calls_a_speaker']} "
        f"calls of {document['utterances']} utterances a speaker, made of the test clips of all five folds in random "
        "order. From the logits of an utterance is subtracted a share of what the earlier ones of the call are apart "
        "from what is usual; the share (0 among them) was chosen on the speakers of the other folds.",
        "**equal**: each emotion as often as any other, as in the corpus; **unequal**: shares drawn from a Dirichlet "
        f"distribution of concentration {MIXES['unequal']}, so that one or two emotions fill most of a call. Accuracy; "
        "brackets hold the 95 % interval from a bootstrap over speakers.",
        table(
            ("emotions of a call", "band", "as it is", "adapted", "gain", "shares chosen"),
            (_row(mix, band, found) for mix, bands in mixes.items() for band, found in bands.items()),
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _row(mix: str, band: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = (100 * value for value in found["gain_interval"])
    shares = ", ".join(f"{chosen['share']:g}" for chosen in found["chosen"])
    return (
        mix,
        band,
        f"{100 * found['without']:.1f} %",
        f"{100 * found['adapted']:.1f} %",
        f"**{100 * found['gain']:+.1f}** ({low:+.1f} to {high:+.1f})",
        shares,
    )
