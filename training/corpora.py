"""Test models as they are served on corpora that they were not made from.

    python -m training corpora --crema-d DIR --tess DIR --savee DIR --meld DIR

Clips are prepared as in the evaluations of the cards, as they are and through a telephone line: the silence around
them is left out by level, the rest cut into equal pieces of three seconds at most, and a clip's probabilities are the
mean of its pieces'.

Only the classes that a model and the corpus share are scored. Clips of other classes are left out. What the model
gives to classes that the corpus lacks, such as RAVDESS's *calm*, is left out as well and the rest divided by its sum,
so that the likeliest of the shared classes is the answer.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from service.audio.segments import equal_pieces, windows
from service.audio.vad import Region
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact, ArtefactError
from service.problems import Problem
from training import ARTEFACTS
from training.card import commit, recall, with_interval, write_json
from training.channel import telephone
from training.datasets import (
    Clip,
    Corpus,
    CorpusError,
    read_crema_d,
    read_meld_audio,
    read_ravdess,
    read_savee,
    read_tess,
)
from training.features import BANDS, active_span, read_clip
from training.metrics import Predictions, Tally, report
from training.text.markdown import table

READERS: Final[Mapping[str, Callable[[Path], Corpus]]] = {
    "crema-d": read_crema_d,
    "tess": read_tess,
    "savee": read_savee,
    "meld": read_meld_audio,
    "ravdess": read_ravdess,
}
_LIBRARIES: Final = ("av", "numpy", "onnxruntime", "scipy")
_SEED: Final = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        metavar="DIR",
        default=[ARTEFACTS / name for name in ("speech_encoder", "speech_emotion")],
        help="their artefacts (speech_encoder and speech_emotion of onnx_models)",
    )
    for name in READERS:
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help="its folder, in the official layout")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "reports", help="where the report goes (training/reports)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="clips side by side (%(default)s)")


def run(options: argparse.Namespace) -> None:
    folders = {name: getattr(options, name.replace("-", "_")) for name in READERS}
    corpora = [read(folders[name]) for name, read in READERS.items() if folders[name]]
    if not corpora:
        raise SystemExit(f"Name the folder of a corpus: {', '.join(f'--{name} DIR' for name in READERS)}")
    try:
        artefacts = [Artefact.load(folder) for folder in options.models]
        models = [_tested(artefact, corpora, options.workers) for artefact in artefacts]
    except ArtefactError as error:
        raise SystemExit(str(error)) from error
    document = {
        "models": models,
        "commit": commit(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(document, options.out / "corpora.json")
    (options.out / "corpora.md").write_text(page(document), encoding="utf-8")
    print(f"Written to {options.out / 'corpora.md'}")


def _tested(artefact: Artefact, corpora: Sequence[Corpus], workers: int) -> dict[str, Any]:
    model, data = EmotionModel(artefact), artefact.card["training_data"]
    return {
        "name": model.name,
        "version": model.version,
        "sha256": model.sha256,
        "trained_on": [data["corpus"], *([data["beside"]["corpus"]] if "beside" in data else [])],
        "corpora": [measure(model, corpus, workers=workers) for corpus in corpora],
    }


def measure(model: EmotionModel, corpus: Corpus, *, workers: int) -> dict[str, Any]:
    """The figures of ``model`` on ``corpus``, in each band.

    Raises:
        CorpusError: files are damaged or not audio; the message names them all.
        ArtefactError: the model knows no class of the corpus.
    """
    there = {clip.label for clip in corpus.clips}
    shared = tuple(label for label in model.labels if label in there)
    if not shared:
        raise ArtefactError(f"{model.name} tells {', '.join(model.labels)}; {corpus.name} has none of them")
    clips = [clip for clip in corpus.clips if clip.label in shared]
    probabilities = _among(shared, model.labels, listen(model, corpus.name, clips, workers))
    truth = np.asarray([shared.index(clip.label) for clip in clips])
    speakers = np.asarray([clip.speaker for clip in clips])
    return {
        "corpus": corpus.name,
        "fingerprint": corpus.fingerprint(),
        "classes": shared,
        "clips_left_out": len(corpus.clips) - len(clips),
        "notes": corpus.notes,
        "bands": {
            band: report(Tally.of(Predictions(probabilities[:, index], truth, speakers)), shared, seed=_SEED)
            for index, band in enumerate(BANDS)
        },
    }


def _among(shared: tuple[str, ...], labels: tuple[str, ...], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """``probabilities`` (..., labels) of the classes ``shared`` alone, each divided by their sum."""
    chosen = probabilities[..., [labels.index(label) for label in shared]]
    divided: NDArray[np.float64] = chosen / np.maximum(chosen.sum(axis=-1, keepdims=True), 1e-12)
    return divided


def listen(model: EmotionModel, name: str, clips: list[Clip], workers: int) -> NDArray[np.float64]:
    """What ``model`` says of each clip in each band: (clips, bands, labels)."""
    heard: list[NDArray[np.float64]] = []
    problems: list[str] = []
    # Threads: decoding, filters and ONNX Runtime all work outside of Python's lock.
    with ThreadPoolExecutor(workers) as pool:
        for result in tqdm(pool.map(partial(_hear, model), clips), total=len(clips), desc=name, unit="clip"):
            if isinstance(result, str):
                problems.append(result)
            else:
                heard.append(result)
    if problems:
        raise CorpusError(name, problems)
    return np.stack(heard)


def _hear(model: EmotionModel, clip: Clip) -> NDArray[np.float64] | str:
    try:
        samples, _ = read_clip(clip.path)
    except (Problem, OSError, ValueError) as error:
        return f"{clip.path}: {error}"
    speech = samples[active_span(samples)]
    pieces = equal_pieces(Region(0, len(speech)))
    return np.stack(
        [
            model.scores(windows(band, pieces)).astype(np.float64).mean(axis=0)
            for band in (speech, telephone(speech))  # as BANDS names them
        ]
    )


def page(document: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    models = document["models"]
    tested = [(model, result) for model in models for result in model["corpora"]]
    labels = tuple(dict.fromkeys(label for _, result in tested for label in result["classes"]))
    sections = [
        "# Models on other corpora",
        "What each was trained on stands at the end. The clips of the corpora below are cut as for the models' cards.",
        table(
            ("model", "corpus", "classes", "chance", "clips", "speakers", "band", "accuracy", "UAR"),
            (row for model, result in tested for row in _figures(model, result)),
        ),
        *(
            [
                "**Trained on**: the model has heard clips of that corpus, so this is no test of it. "
                "The figures for callers whom it has never heard are on its card."
            ]
            if any(result["corpus"] in model["trained_on"] for model, result in tested)
            else []
        ),
        "UAR is the mean of the class recalls. Brackets hold 95 % intervals from a bootstrap over speakers, which says "
        "little where there are few. **telephone** is the same clips through an 8 kHz, 300-3400 Hz, µ-law line.",
        "Only the classes that a model and the corpus share are scored. What the model gives to its other classes is "
        "left out and the rest divided by its sum: where a corpus has no *calm*, the service may still answer calm, "
        "which is not counted as an error here. With fewer classes chance is higher, so compare with that column. How "
        "the corpora's own labels are read is in `training/datasets/labels.py`.",
        "## Recall by class",
        table(
            ("model", "corpus", "band", *labels),
            (
                (model["name"], result["corpus"], band, *(recall(figures, label) for label in labels))
                for model, result in tested
                for band, figures in result["bands"].items()
            ),
        ),
        "## What was read",
        "\n".join(line for result in models[0]["corpora"] for line in _read(result)),
        "## By what",
        "\n".join(line for model in models for line in _described(model)),
        f"Commit {document['commit']}, "
        + ", ".join(f"{name} {number}" for name, number in document["libraries"].items())
        + ". All figures and confusion matrices are in `corpora.json`.",
    ]
    return "\n\n".join(sections) + "\n"


def _figures(model: Mapping[str, Any], result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    corpus = result["corpus"] + (" (**trained on**)" if result["corpus"] in model["trained_on"] else "")
    classes = len(result["classes"])
    return [
        (
            model["name"],
            corpus,
            str(classes),
            f"{100 / classes:.1f} %",
            f"{figures['clips']:,}",
            str(figures["speakers"]),
            band,
            with_interval(figures, "accuracy"),
            with_interval(figures, "uar"),
        )
        for band, figures in result["bands"].items()
    ]


def _read(result: Mapping[str, Any]) -> list[str]:
    return [
        f"- {result['corpus']}, data fingerprint `{result['fingerprint'][:16]}…`",
        *(f"  - {note}" for note in result["notes"]),
    ]


def _described(model: Mapping[str, Any]) -> list[str]:
    return [
        f"- {model['name']} {model['version']}, trained on {' and '.join(model['trained_on'])}; "
        f"sha256 `{model['sha256']}`",
        *(
            f"  - {result['clips_left_out']:,} clips of {result['corpus']} left out, of classes that it does not know"
            for result in model["corpora"]
            if result["clips_left_out"]
        ),
    ]
