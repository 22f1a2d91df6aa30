"""The whole way of the text model: fine-tune, calibrate, export, quantise, evaluate, write the artefact."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from service.emotions import SENTIMENTS
from service.inference.artefacts import MODEL_FILE
from service.inference.text import TOKENIZER_FILE
from training.calibrate import fit_temperature
from training.card import commit
from training.text.card import write_card
from training.text.datasets import Corpus, Example, fingerprint, read_corpora
from training.text.encoders import Encoder, identify
from training.text.export import export_onnx, metadata, predict, quantize
from training.text.fine_tune import fine_tune
from training.text.metrics import evaluate, macro_f1
from training.text.model import Classifier, predict_logits
from training.text.provenance import open_run
from training.text.settings import Settings
from training.text.tokens import Encoded, encode, load_tokenizer

VERSION = "1.0.0"


def make(data: Path, encoder_folder: Path, runs: Path, out: Path, settings: Settings) -> None:
    """Write the artefact ``out``, going on from where an earlier call was interrupted.

    Raises:
        CorpusError: a corpus file is missing or malformed.
        ExportError: the exported network does not compute what the trained one does.
    """
    torch.set_num_threads(1)
    corpora = read_corpora(data)
    encoder = identify(encoder_folder)
    run = open_run(runs, settings, fingerprint(corpora), encoder.sha256)

    tokenizer = load_tokenizer(encoder_folder, settings.training_tokens)
    used = {corpus.name: _training_part(corpus, settings) for corpus in corpora}
    train = encode(tokenizer, [example for part in used.values() for example in part])
    dev = {corpus.name: encode(tokenizer, corpus.dev) for corpus in corpora}
    model = Classifier.from_pretrained(encoder_folder, len(SENTIMENTS), dropout=settings.dropout, seed=settings.seed)
    history = fine_tune(model, train, dev, settings, run.folder)

    labels = np.concatenate([part.labels for part in dev.values()])
    logits = np.concatenate([predict_logits(model, part) for part in dev.values()])
    temperature = fit_temperature(logits, labels, np.arange(len(labels)))

    files = {"fp32": run.folder / "fp32.onnx", "int8": run.folder / "int8.onnx"}
    export_onnx(model, temperature, metadata(out.name, VERSION, SENTIMENTS), files["fp32"])
    quantize(files["fp32"], files["int8"])

    tokenizer = load_tokenizer(encoder_folder, settings.serving_tokens)
    dev_f1 = {
        kind: _mean_macro_f1(path, [encode(tokenizer, corpus.dev) for corpus in corpora])
        for kind, path in files.items()
    }
    test = {corpus.name: encode(tokenizer, corpus.test) for corpus in corpora}
    results = {
        name: {
            kind: evaluate(part.labels, predict(path, part), SENTIMENTS, settings.seed) for kind, path in files.items()
        }
        for name, part in test.items()
    }

    shipped = "int8" if dev_f1["fp32"] - dev_f1["int8"] <= settings.int8_loss_limit else "fp32"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(files[shipped], out / MODEL_FILE)
    tokenizer.no_padding()
    tokenizer.save(str(out / TOKENIZER_FILE), pretty=False)
    write_card(
        out,
        {
            **_description(out.name, encoder, corpora, used, settings),
            **run.record,
            "export_commit": commit(),
            "seed": settings.seed,
            "results": {"dev_macro_f1": [{"step": s.step, **s.macro_f1} for s in history], "test": results},
            "calibration": {
                "temperature": round(temperature, 4),
                "method": "fitted on the joined dev parts (temperature scaling, Guo et al. 2017)",
            },
            "quantization": {
                "shipped": shipped,
                "bytes": (out / MODEL_FILE).stat().st_size,
                "dev_macro_f1": {kind: round(value, 4) for kind, value in dev_f1.items()},
                "loss_limit": settings.int8_loss_limit,
            },
        },
    )


def balanced_sample(examples: Sequence[Example], per_class: int, seed: int) -> list[Example]:
    """At most ``per_class`` texts of each class, drawn without replacement."""
    random = np.random.default_rng(seed)
    sample: list[Example] = []
    for label in range(len(SENTIMENTS)):
        members = [example for example in examples if example.label == label]
        chosen = random.permutation(len(members))[:per_class]
        sample += [members[index] for index in chosen]
    return sample


def _training_part(corpus: Corpus, settings: Settings) -> Sequence[Example]:
    if corpus.name == "GoEmotions":
        return balanced_sample(corpus.train, settings.goemotions_per_class, settings.seed)
    return corpus.train


def _mean_macro_f1(path: Path, parts: Sequence[Encoded]) -> float:
    return float(np.mean([macro_f1(part.labels, predict(path, part)) for part in parts]))


def _description(
    name: str,
    encoder: Encoder,
    corpora: Sequence[Corpus],
    used: Mapping[str, Sequence[Example]],
    settings: Settings,
) -> dict[str, Any]:
    """What the model is, in words, and what it was trained on."""
    return {
        "name": name,
        "version": VERSION,
        "task": "text-sentiment",
        "description": f"Whether an English text is negative, neutral or positive: {encoder.name}, mean-pooled and "
        "fine-tuned with one linear layer.",
        "labels": list(SENTIMENTS),
        "encoder": asdict(encoder),
        "licence": f"The encoder is {encoder.licence}. The weights are fine-tuned on the data sets below, each under "
        "its own terms; whether those reach the weights is for whoever passes them on to judge.",
        "training_data": [
            {
                "name": corpus.name,
                "licence": corpus.licence,
                "mapping": corpus.mapping,
                "train": len(corpus.train),
                "train_used": len(used[corpus.name]),
                "dev": len(corpus.dev),
                "test": len(corpus.test),
            }
            for corpus in corpora
        ],
        "limits": [
            "English only; film reviews, television dialogue and Reddit comments, no customer calls.",
            f"It reads the first {settings.serving_tokens} tokens of a text and says when it left some out; it was "
            f"fine-tuned on texts of at most {settings.training_tokens}.",
            "Emoji that the encoder's vocabulary lacks are read as one unknown sign.",
            "The whole-text score is the model's reading of the text as one input, no mean of its sentences.",
        ],
    }
