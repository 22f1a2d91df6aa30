"""From a network in PyTorch to an artefact of the service: calibrated, exported, quantised, and tried in both forms."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.special import softmax
from tokenizers import Tokenizer

from service.inference.artefacts import MODEL_FILE, Artefact
from service.inference.text import TOKENIZER_FILE, Readings, TextModel
from training.calibrate import likeliest_temperature
from training.quantize import quantize
from training.text.card import write_card
from training.text.datasets import Corpus
from training.text.export import export_onnx, metadata
from training.text.model import Network
from training.text.scores import grouped, macro_f1_by_head
from training.text.tokens import Encoded, encode, encode_texts, pad_id

_RANGE_TEXTS: Final = 200
_F1_LIMIT: Final = 0.005
_AGREEMENT_LIMIT: Final = 0.95


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that is to become the artefact ``name``.

    Attributes:
        heads: the labels of each head, in the order of its logits.
        tokenizer: cuts into the windows in which the service shall read.
        card: what is known of it so far.
        emoji_names: whether it was trained on emoji spelled out.
    """

    name: str
    version: str
    network: Network
    heads: Mapping[str, tuple[str, ...]]
    tokenizer: Tokenizer
    card: Mapping[str, Any]
    emoji_names: bool = False


def build(candidate: Candidate, corpora: Sequence[Corpus], phrases: Sequence[str], work: Path, out: Path) -> None:
    """Write the artefact into the folder ``out``, and the same in float32 and in int8 into folders of ``work``.

    Which of them ships is measured on the dev parts of ``corpora``, and the temperatures of that one are fitted there.
    Where there are none, int8 has to give the labels that float32 gives to ``phrases``, and temperatures are 1.

    Raises:
        ExportError: the exported network does not compute what the one in PyTorch does.
    """
    dev = {corpus.name: encode(candidate.tokenizer, corpus.dev) for corpus in corpora}
    ranges_from = encode_texts(candidate.tokenizer, _every(corpora) if corpora else phrases)
    temperatures = dict.fromkeys(candidate.heads, 1.0)
    models = _forms(candidate, temperatures, ranges_from, work)
    if corpora:
        read = {
            kind: {corpus.name: model.read([example.text for example in corpus.dev]) for corpus in corpora}
            for kind, model in models.items()
        }
        quantization = _by_f1(read, dev, candidate.heads)
        temperatures = _temperatures(read[quantization["shipped"]], dev, candidate.heads)
        _forms(candidate, temperatures, ranges_from, work)
    else:
        quantization = _by_agreement(models, phrases)
    shipped = work / quantization["shipped"]
    quantization["bytes"] = (shipped / MODEL_FILE).stat().st_size
    method = "fitted on the dev parts, every data set counting the same (temperature scaling, Guo et al. 2017)"
    calibration = {
        "temperatures": {head: round(value, 4) for head, value in temperatures.items()},
        "method": method if corpora else "none: no data set was given",
    }
    card = {**Artefact.load(shipped).card, "calibration": calibration, "quantization": quantization}
    _write(out, shipped / MODEL_FILE, candidate.tokenizer, card)


def _forms(
    candidate: Candidate, temperatures: Mapping[str, float], ranges_from: Sequence[Sequence[int]], work: Path
) -> dict[str, TextModel]:
    """The candidate in float32 and in int8, each in a folder of ``work``."""
    work.mkdir(parents=True, exist_ok=True)
    files = {"fp32": work / "fp32.onnx", "int8": work / "int8.onnx"}
    facts = metadata(
        candidate.name,
        candidate.version,
        candidate.heads,
        pad_id(candidate.tokenizer),
        emoji_names=candidate.emoji_names,
    )
    export_onnx(candidate.network, temperatures, facts, files["fp32"])
    onnx.save(quantize(onnx.load(files["fp32"]), map(_inputs, ranges_from)), files["int8"])
    window = candidate.tokenizer.truncation or {}
    for kind, path in files.items():
        card = {
            "name": candidate.name,
            "version": candidate.version,
            "task": "text-classification",
            "labels": {head: list(labels) for head, labels in candidate.heads.items()},
            "window": {"tokens": window["max_length"], "overlap": window["stride"]},
            **candidate.card,
            "calibration": {"temperatures": dict(temperatures), "method": "see the card of what ships"},
            "quantization": {"shipped": kind},
        }
        _write(work / kind, path, candidate.tokenizer, card)
        path.unlink()
    return {kind: TextModel(Artefact.load(work / kind)) for kind in files}


def _inputs(ids: Sequence[int]) -> dict[str, NDArray[np.int64]]:
    tokens = np.array([ids], dtype=np.int64)
    return {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}


def _by_f1(
    read: Mapping[str, Mapping[str, Readings]], dev: Mapping[str, Encoded], heads: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    scores = {
        kind: {
            f"{name} {head}": score
            for name, found in parts.items()
            for head, score in macro_f1_by_head(dev[name], found.probabilities, heads).items()
        }
        for kind, parts in read.items()
    }
    for found in scores.values():
        found["mean"] = float(np.mean(list(found.values())))
    return {
        "shipped": "int8" if scores["fp32"]["mean"] - scores["int8"]["mean"] <= _F1_LIMIT else "fp32",
        "measure": "macro F1 on the dev parts",
        "limit": _F1_LIMIT,
        **{kind: {task: round(score, 4) for task, score in found.items()} for kind, found in scores.items()},
    }


def _by_agreement(models: Mapping[str, TextModel], phrases: Sequence[str]) -> dict[str, Any]:
    read = {kind: model.read(phrases).probabilities for kind, model in models.items()}
    agreement = {
        head: round(float(np.mean(read["int8"][head].argmax(1) == values.argmax(1))), 4)
        for head, values in read["fp32"].items()
    }
    return {
        "shipped": "int8" if min(agreement.values()) >= _AGREEMENT_LIMIT else "fp32",
        "measure": f"share of {len(phrases)} phrases to which int8 gives the label that float32 gives",
        "limit": _AGREEMENT_LIMIT,
        "int8": agreement,
    }


def _temperatures(
    read: Mapping[str, Readings], dev: Mapping[str, Encoded], heads: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """The temperature of each head that makes what is known of the dev parts likeliest; 1 where nothing is."""

    def fitted(head: str) -> float:
        known = {name: part.targets(head) for name, part in dev.items() if part.targets(head).any()}

        def loss(temperature: float) -> float:
            losses = []
            for name, targets in known.items():
                found = softmax(np.log(read[name].probabilities[head] + 1e-12) / temperature, axis=1)
                if head == "emotion":
                    found = grouped(found, heads[head])
                losses.append(-(targets * np.log(found + 1e-12)).sum() / targets.sum())
            return float(np.mean(losses))

        return likeliest_temperature(loss) if known else 1.0

    return {head: fitted(head) for head in heads}


def _every(corpora: Sequence[Corpus]) -> list[str]:
    """As many training texts of each corpus, from all over it."""
    return [
        example.text
        for corpus in corpora
        for example in corpus.train[:: max(len(corpus.train) // _RANGE_TEXTS, 1)][:_RANGE_TEXTS]
    ]


def _write(folder: Path, model: Path, tokenizer: Tokenizer, card: Mapping[str, Any]) -> None:
    """The artefact, all of it or nothing."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    shutil.copyfile(model, unfinished / MODEL_FILE)
    windows = Tokenizer.from_str(tokenizer.to_str())
    windows.no_padding()
    windows.save(str(unfinished / TOKENIZER_FILE), pretty=False)
    write_card(unfinished, card)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
