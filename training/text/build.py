"""From a network in PyTorch to an artefact of the service: calibrated, exported, quantised, and tried in both forms."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from service.inference.artefacts import MODEL_FILE, Artefact
from service.inference.text import TOKENIZER_FILE, TextModel
from training.calibrate import likeliest_temperature
from training.text.card import write_card
from training.text.datasets import Corpus
from training.text.export import export_onnx, metadata
from training.text.model import Network, predict_logits
from training.text.quantize import quantize
from training.text.scores import grouped, macro_f1_by_head, probabilities
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
    """

    name: str
    version: str
    network: Network
    heads: Mapping[str, tuple[str, ...]]
    tokenizer: Tokenizer
    card: Mapping[str, Any]


def build(candidate: Candidate, corpora: Sequence[Corpus], phrases: Sequence[str], work: Path, out: Path) -> None:
    """Write the artefact into the folder ``out``, and the same in float32 into ``work/fp32``.

    Temperatures are fitted, and int8 is measured, on the dev parts of ``corpora``; where there are none, temperatures
    are 1 and int8 has to give the labels that float32 gives to ``phrases``. The loser of the two stays in ``work``.

    Raises:
        ExportError: the exported network does not compute what the one in PyTorch does.
    """
    dev = {corpus.name: encode(candidate.tokenizer, corpus.dev) for corpus in corpora}
    temperatures = _temperatures(candidate, dev)
    facts = metadata(candidate.name, candidate.version, candidate.heads, pad_id(candidate.tokenizer))
    files = {"fp32": work / "fp32.onnx", "int8": work / "int8.onnx"}
    work.mkdir(parents=True, exist_ok=True)
    export_onnx(candidate.network, temperatures, facts, files["fp32"])
    ranges_from = _every(corpora) if corpora else phrases
    quantize(files["fp32"], files["int8"], encode_texts(candidate.tokenizer, ranges_from))

    window = candidate.tokenizer.truncation or {}
    card = {
        "name": candidate.name,
        "version": candidate.version,
        "task": "text-classification",
        "labels": {head: list(labels) for head, labels in candidate.heads.items()},
        "window": {"tokens": window["max_length"], "overlap": window["stride"]},
        **candidate.card,
        "calibration": {
            "temperatures": {head: round(value, 4) for head, value in temperatures.items()},
            "method": "fitted on the dev parts, every data set counting the same (temperature scaling, Guo et al. 2017)"
            if corpora
            else "none: no data set was given",
        },
    }
    for kind, path in files.items():
        _write(work / kind, path, candidate.tokenizer, {**card, "quantization": {"shipped": kind}})
    models = {kind: TextModel(Artefact.load(work / kind)) for kind in files}
    quantization = _by_f1(models, corpora, dev) if corpora else _by_agreement(models, phrases)
    shipped = quantization["shipped"]
    quantization["bytes"] = (work / shipped / MODEL_FILE).stat().st_size
    _write(out, files[shipped], candidate.tokenizer, {**card, "quantization": quantization})


def _temperatures(candidate: Candidate, dev: Mapping[str, Encoded]) -> dict[str, float]:
    """The temperature of each head that makes what is known of the dev parts likeliest; 1 where nothing is."""
    logits = {name: predict_logits(candidate.network, part) for name, part in dev.items()}

    def fitted(head: str) -> float:
        known = [(logits[name][head], part.targets(head)) for name, part in dev.items() if part.targets(head).any()]

        def loss(temperature: float) -> float:
            losses = []
            for values, targets in known:
                found = probabilities(values / temperature)
                if head == "emotion":
                    found = grouped(found, candidate.heads[head])
                losses.append(-(targets * np.log(found + 1e-12)).sum() / targets.sum())
            return float(np.mean(losses))

        return likeliest_temperature(loss) if known else 1.0

    return {head: fitted(head) for head in candidate.heads}


def _by_f1(models: Mapping[str, TextModel], corpora: Sequence[Corpus], dev: Mapping[str, Encoded]) -> dict[str, Any]:
    scores: dict[str, dict[str, float]] = {kind: {} for kind in models}
    for kind, model in models.items():
        for corpus in corpora:
            read = model.read([example.text for example in corpus.dev])
            found = macro_f1_by_head(dev[corpus.name], read.probabilities, model.heads)
            scores[kind] |= {f"{corpus.name} {head}": round(score, 4) for head, score in found.items()}
    mean = {kind: float(np.mean(list(found.values()))) for kind, found in scores.items()}
    return {
        "shipped": "int8" if mean["fp32"] - mean["int8"] <= _F1_LIMIT else "fp32",
        "measure": "macro F1 on the dev parts",
        "limit": _F1_LIMIT,
        **{kind: {**scores[kind], "mean": round(mean[kind], 4)} for kind in models},
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
