"""``training text fine-tune``: train an encoder for the words' side of the service and make the artefact of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.card import commit
from training.text.build import Candidate, build
from training.text.datasets import Corpus, Example, fingerprint, read_corpora, spelled_out
from training.text.encoders import Encoder, identify
from training.text.model import Classifier
from training.text.provenance import open_run
from training.text.settings import HEADS, Settings
from training.text.tokens import encode, join, knows_emoji, load_tokenizer
from training.text.train import fine_tune

VERSION = "1.0.0"


def make(data: Path, checkpoint: str, runs: Path, out: Path, settings: Settings) -> None:
    """Write the artefact ``out``, going on from where an earlier call was interrupted.

    ``checkpoint`` is the encoder: a folder in Hugging Face format or a name of its hub.

    Raises:
        CorpusError: a corpus file is missing or malformed.
        ExportError: the exported network does not compute what the trained one does.
    """
    corpora = read_corpora(data)
    model = Classifier.from_pretrained(checkpoint, settings.heads, dropout=settings.dropout, seed=settings.seed)
    encoder = identify(checkpoint, model.encoder)
    run = open_run(runs, settings, fingerprint(corpora), encoder.sha256)

    tokenizer = load_tokenizer(checkpoint, settings.training_tokens)
    emoji_names = not knows_emoji(tokenizer)
    if emoji_names:
        corpora = [spelled_out(corpus) for corpus in corpora]
    used = {corpus.name: [example for example in corpus.train if _is_known(example, settings)] for corpus in corpora}
    train = join([encode(tokenizer, part) for part in used.values()])
    dev = {corpus.name: encode(tokenizer, corpus.dev) for corpus in corpora}
    history = fine_tune(model, train, dev, settings, run.folder)

    tokenizer.enable_truncation(settings.serving_tokens, stride=settings.serving_overlap)
    heads = {head: HEADS[head] for head in settings.heads}
    card = {
        **_description(encoder, corpora, used, settings, emoji_names=emoji_names),
        **run.record,
        "export_commit": commit(),
        "seed": settings.seed,
        "results": {"dev_macro_f1": [{"step": score.step, **score.macro_f1} for score in history]},
    }
    build(Candidate(out.name, VERSION, model, heads, tokenizer, card, emoji_names), corpora, [], run.folder, out)


def _is_known(example: Example, settings: Settings) -> bool:
    """Whether a head can learn from it."""
    targets = {"sentiment": example.sentiment, "emotion": example.emotions}
    return any(targets[head] for head in settings.heads)


def _description(
    encoder: Encoder,
    corpora: Sequence[Corpus],
    used: Mapping[str, Sequence[Example]],
    settings: Settings,
    *,
    emoji_names: bool,
) -> dict[str, Any]:
    """What the model is, in words, and what it was trained on."""
    limits = [
        "English only; film reviews, television dialogue and Reddit comments, no customer calls.",
        f"It was fine-tuned on texts of at most {settings.training_tokens} tokens. A text longer than "
        f"{settings.serving_tokens} is read in several windows, whose mean is answered.",
        "The scores of a whole text are the model's reading of it as one input, no mean of its sentences.",
    ]
    if emoji_names:
        limits.append("The encoder knows no emoji; it reads their Unicode names, in training as in service.")
    return {
        "description": f"The {' and '.join(settings.heads)} of an English text: {encoder.name}, mean-pooled and "
        "fine-tuned with one linear layer for each.",
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
        "limits": limits,
    }
