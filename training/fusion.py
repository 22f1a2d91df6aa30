"""Fit what the voice weighs beside the words, and test it: the late fusion of the service, on MELD.

    python -m training fusion --meld DIR

The service puts the valence of a voice and that of its words together as a weighted mean (``Fusion`` in
``service/conversation/valence.py``). The weight that is fitted here gives the mean with the highest Spearman
correlation with the sentiment that MELD's annotators chose (-1, 0 or 1). Ranks, because three sentiments have an order
and no distances, and because they need the weight and nothing else: a log loss would need a slope and thresholds fitted
besides, which the service does not have. The weight is a hundredth; of equals the smallest, so that a voice that adds
nothing weighs nothing.

Parts are those of the authors, which keep dialogues whole; most characters speak in all of them. The weight is fitted
on the dev part alone: the text model may have been trained on the train part, where its words would look better than
they are. Nothing is chosen on the test part.

The voice is heard as in :mod:`training.corpora`. The weight is fitted on the clips through a telephone line, since
calls are what the service is sent, and tested on those and on the clips as they are.
"""

import argparse
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from service.emotions import SENTIMENT_VALENCE, SPEECH_VALENCE, VOICE_WEIGHT
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.text import SENTIMENT, TextModel
from training import ARTEFACTS, REPORTS
from training.card import commit, write_json
from training.corpora import listen
from training.datasets import read_meld_audio
from training.datasets.meld import Part, meld_table, meld_utterances
from training.features import BANDS
from training.text.markdown import table
from training.text.metrics import RESAMPLES, Doubles, figure, resamples, rounded

TEXT, FITTED = "text alone", "fitted"
_FITTED_IN: Final = "telephone"
_WEIGHTS: Final = np.arange(101) / 100
_LIBRARIES: Final = ("av", "numpy", "onnxruntime", "scipy", "tokenizers")
_SEED: Final = 0


@dataclass(frozen=True)
class Utterances:
    """N utterances of one of MELD's parts, each value from -1 to 1.

    Attributes:
        voice: by band, as the model hears them, (N,).
        text: as the model reads them, (N,).
        sentiment: as the annotators chose it, (N,).
        dialogues: which dialogue each is of, (N,).
        source: what they were made of, for the report.
    """

    voice: Mapping[str, Doubles]
    text: Doubles
    sentiment: Doubles
    dialogues: NDArray[np.str_]
    source: Mapping[str, Any]

    def fused(self, weights: Sequence[float] | Doubles, band: str) -> Doubles:
        """Both together, for each weight of the voice: (weights, N)."""
        voice = np.asarray(weights)[:, None]
        both: Doubles = voice * self.voice[band] + (1 - voice) * self.text
        return both


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--meld", type=Path, required=True, metavar="DIR", help="its dev and test part, in the official layout"
    )
    parser.add_argument(
        "--model", type=Path, default=ARTEFACTS / "speech_encoder", help="hears the voice (onnx_models/speech_encoder)"
    )
    parser.add_argument(
        "--text-model", type=Path, default=ARTEFACTS / "text_minilm", help="reads the words (onnx_models/text_minilm)"
    )
    parser.add_argument("--out", type=Path, default=REPORTS, help="where the report goes (training/reports)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="clips side by side (%(default)s)")


def run(options: argparse.Namespace) -> None:
    try:
        voice, text = EmotionModel(Artefact.load(options.model)), TextModel(Artefact.load(options.text_model))
        dev, test = (utterances(voice, text, options.meld, part, workers=options.workers) for part in ("dev", "test"))
    except ArtefactError as error:
        raise SystemExit(str(error)) from error
    document = {
        "models": {
            what: {"name": model.name, "version": model.version, "sha256": model.sha256}
            for what, model in (("voice", voice), ("text", text))
        },
        "commit": commit(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        **measure(dev, test),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(document, options.out / "fusion.json")
    (options.out / "fusion.md").write_text(page(document), encoding="utf-8")
    print(f"Written to {options.out / 'fusion.md'}")


def utterances(voice: EmotionModel, text: TextModel, folder: Path, part: Part, *, workers: int) -> Utterances:
    """What both models make of the utterances of a part of MELD, which lies anywhere below ``folder``.

    Raises:
        ArtefactError: ``voice`` does not tell the emotions of speech, or ``text`` no sentiment.
        CorpusError: files are missing, damaged or malformed; the message names them all.
    """
    if not set(voice.labels) <= SPEECH_VALENCE.keys():
        raise ArtefactError(f"{voice.name} tells {', '.join(voice.labels)}; name a model of the emotions of speech")
    if SENTIMENT not in text.heads:
        raise ArtefactError(f"{text.name} tells no sentiment; name a model that does")
    corpus = read_meld_audio(folder, part)
    path = meld_table(folder, part)
    rows = meld_utterances(path)
    said = [rows[clip.key] for clip in corpus.clips]
    heard = listen(voice, corpus.name, list(corpus.clips), workers) @ _values(SPEECH_VALENCE, voice.labels)
    read = text.read([row["Utterance"].strip() for row in said]).probabilities[SENTIMENT].astype(np.float64)
    return Utterances(
        dict(zip(BANDS, heard.T, strict=True)),
        read @ _values(SENTIMENT_VALENCE, text.heads[SENTIMENT]),
        _values(SENTIMENT_VALENCE, [row["Sentiment"] for row in said]),
        np.array([row["Dialogue_ID"] for row in said]),
        {
            "corpus": corpus.name,
            "fingerprint": corpus.fingerprint(),
            "table_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "notes": corpus.notes,
        },
    )


def _values(valence: Mapping[str, int], labels: Sequence[str]) -> Doubles:
    return np.array([valence[label] for label in labels], dtype=np.float64)


def measure(dev: Utterances, test: Utterances) -> dict[str, Any]:
    """The weight that is fitted on ``dev``, and the figures of it and of others on ``test``, in each band."""
    correlations = spearman(dev.fused(_WEIGHTS, _FITTED_IN), dev.sentiment)
    by_weight = {f"{weight:.2f}": rounded(found) for weight, found in zip(_WEIGHTS, correlations, strict=True)}
    fitted = float(max(by_weight, key=lambda weight: by_weight[weight]))
    weights = {"voice alone": 1.0, TEXT: 0.0, "default": VOICE_WEIGHT, FITTED: fitted}
    return {
        "dev": {**_size(dev), "spearman_by_weight": by_weight},
        "weights": {name: rounded(weight) for name, weight in weights.items()},
        "test": {**_size(test), "bands": {band: _figures(test, weights, band) for band in test.voice}},
    }


def _size(part: Utterances) -> dict[str, Any]:
    return {**part.source, "utterances": len(part.text), "dialogues": len(np.unique(part.dialogues))}


def _figures(test: Utterances, weights: Mapping[str, float], band: str) -> dict[str, Any]:
    """The Spearman correlation of each of ``weights``, and what it has more than that of the text alone.

    Intervals are from a bootstrap over dialogues, whose utterances are alike; the difference is of the same draws.
    """
    fused = test.fused(list(weights.values()), band)
    names, dialogue = np.unique(test.dialogues, return_inverse=True)
    drawn = [
        np.repeat(np.arange(len(dialogue)), counts[dialogue])
        for counts in resamples(len(names), _SEED).astype(np.int64)
    ]
    correlations = np.stack([spearman(fused[:, rows], test.sentiment[rows]) for rows in drawn], axis=1)
    draws = dict(zip(weights, correlations, strict=True))
    return {
        name: {"spearman": figure(own, lowest=-1), "more_than_text": figure(own - draws[TEXT], lowest=-1)}
        for name, own in draws.items()
    }


def spearman(values: Doubles, truth: Doubles) -> Doubles:
    """The correlation of the ranks of each row of ``values`` (rows, N) with those of ``truth`` (N,): (rows,).

    Equals share a mean rank. What is all equal tells nothing, or has nothing to be told: 0.
    """
    ranks = rankdata(np.vstack([values, truth]), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1)
    found: Doubles = ranks[:-1] @ ranks[-1] / np.maximum(lengths[:-1] * lengths[-1], 1e-12)
    return found


def page(document: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    dev, weights, test = document["dev"], document["weights"], document["test"]
    sections = [
        "# What the voice weighs beside the words",
        "This is about `Fusion.voice` in `service/conversation/valence.py`, whose default is `VOICE_WEIGHT` in "
        f"`service/emotions.py`, here {weights['default']}. Fitted on {dev['corpus']} it is **{weights[FITTED]}**.",
        *(_verdict(band, figures[FITTED], weights[FITTED]) for band, figures in test["bands"].items()),
        table(
            ("band", "reading", "weight of the voice", "Spearman", "more than text alone"),
            (
                (
                    band,
                    name,
                    weights[name],
                    _with_interval(found["spearman"]),
                    "–" if name == TEXT else _with_interval(found["more_than_text"]),
                )
                for band, figures in test["bands"].items()
                for name, found in figures.items()
            ),
        ),
        f"{test['corpus']}, {test['utterances']:,} utterances of {test['dialogues']:,} dialogues. The figures are "
        "Spearman correlations of the valence with the annotators' sentiment. Brackets hold 95 % intervals from a "
        f"bootstrap over dialogues ({RESAMPLES} resamples), those of differences from the same draws. **telephone** is "
        "the same clips through an 8 kHz, 300-3400 Hz, µ-law line.",
        "MELD is a comedy series, with music and laughter, whose sentiments annotators told from picture, sound and "
        "words together. What a voice is worth in calls may differ.",
        "## The fit",
        f"The highest correlation on {dev['corpus']} ({_FITTED_IN}), {dev['utterances']:,} utterances of "
        f"{dev['dialogues']:,} dialogues, among hundredths; every tenth of them:",
        table(
            ("weight of the voice", "Spearman"),
            ((weight, f"{found:.3f}") for weight, found in list(dev["spearman_by_weight"].items())[::10]),
        ),
        "## What was read",
        "\n".join(line for part in (dev, test) for line in _read(part)),
        "; ".join(
            f"{what}: {model['name']} {model['version']}, sha256 `{model['sha256']}`"
            for what, model in document["models"].items()
        )
        + ".",
        f"Commit {document['commit']}, "
        + ", ".join(f"{name} {number}" for name, number in document["libraries"].items())
        + ". All figures are in `fusion.json`.",
    ]
    return "\n\n".join(sections) + "\n"


def _verdict(band: str, fitted: Mapping[str, Any], weight: float) -> str:
    """Whether the fitted weight is better than text alone: its difference is above 0, with all of the interval."""
    more = fitted["more_than_text"]
    if weight == 0:
        return f"**{band}**: the fitted weight is not better than text alone: it is text alone."
    if more["interval_95"][0] > 0:
        return f"**{band}**: the fitted weight is better than text alone, by {_with_interval(more)}."
    return f"**{band}**: the fitted weight is not better than text alone; the difference is {_with_interval(more)}."


def _with_interval(found: Mapping[str, Any]) -> str:
    low, high = found["interval_95"]
    return f"**{found['value']:z.3f}** ({low:z.3f} to {high:z.3f})"


def _read(part: Mapping[str, Any]) -> list[str]:
    return [
        f"- {part['corpus']}, data fingerprint `{part['fingerprint'][:16]}…`, "
        f"table sha256 `{part['table_sha256'][:16]}…`",
        *(f"  - {note}" for note in part["notes"]),
    ]
