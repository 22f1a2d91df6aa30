"""``python -m training text-sentiment``: fine-tune, calibrate, export and evaluate the text model."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from service.emotions import SENTIMENTS
from training.text.datasets import Example, fingerprint, read_corpora
from training.text.fine_tune import fine_tune
from training.text.model import Classifier
from training.text.provenance import open_run
from training.text.settings import Settings
from training.text.tokens import encode, load_tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with sst5/, meld/ and goemotions/")
    parser.add_argument("--encoder", type=Path, required=True, help="encoder in Hugging Face format")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints are kept")


def run(args: argparse.Namespace) -> None:
    make(args.data, args.encoder, args.runs, Settings())


def make(data: Path, encoder: Path, runs: Path, settings: Settings) -> None:
    """Fine-tune ``encoder``, going on from where an earlier call was interrupted.

    Raises:
        CorpusError: a corpus file is missing or malformed.
    """
    torch.set_num_threads(1)
    corpora = read_corpora(data)
    run = open_run(runs, settings, fingerprint(corpora), encoder)

    tokenizer = load_tokenizer(encoder, settings.training_tokens)
    train: list[Example] = []
    for corpus in corpora:
        train += (
            balanced_sample(corpus.train, settings.goemotions_per_class, settings.seed)
            if corpus.name == "GoEmotions"
            else corpus.train
        )
    dev = {corpus.name: encode(tokenizer, corpus.dev) for corpus in corpora}
    model = Classifier.from_pretrained(encoder, len(SENTIMENTS), dropout=settings.dropout, seed=settings.seed)
    fine_tune(model, encode(tokenizer, train), dev, settings, run.folder)


def balanced_sample(examples: Sequence[Example], per_class: int, seed: int) -> list[Example]:
    """At most ``per_class`` texts of each class, drawn without replacement."""
    random = np.random.default_rng(seed)
    sample: list[Example] = []
    for label in range(len(SENTIMENTS)):
        members = [example for example in examples if example.label == label]
        chosen = random.permutation(len(members))[:per_class]
        sample += [members[index] for index in chosen]
    return sample
