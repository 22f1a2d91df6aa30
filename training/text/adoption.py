"""From a published text classifier to an artefact of the service, without training it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from training.card import commit
from training.text.build import Candidate, build
from training.text.checkpoints import AdoptedClassifier, Checkpoint, CheckpointError, locate
from training.text.datasets import Corpus, fingerprint, read_corpora
from training.text.encoders import Encoder, identify
from training.text.phrases import PHRASES
from training.text.provenance import library_versions
from training.text.tokens import load_tokenizer

VERSION: Final = "1.0.0"
_OVERLAP_SHARE: Final = 16
_SPARE_ROWS: Final = 256


def adopt(names: Mapping[str, str], data: Path | None, work: Path, out: Path) -> list[str]:
    """Write an artefact into the folder ``out`` for each head of ``names``, and return what they are called.

    ``names`` are folders in Hugging Face format or repositories of the hub. All of them are had and checked before
    anything is written. Temperatures are fitted and int8 is measured on the dev parts in ``data``, where it is given.

    Raises:
        CheckpointError: a checkpoint cannot be had, or does not tell what its head is to tell.
        CorpusError: a corpus file is missing or malformed.
        ExportError: an exported network does not compute what the one in PyTorch does.
    """
    corpora = read_corpora(data) if data else []
    candidates = [candidate(locate(name), head, corpora) for head, name in names.items()]
    for each in candidates:
        build(each, corpora, PHRASES, work / each.name, out / each.name)
    return [each.name for each in candidates]


def candidate(checkpoint: Checkpoint, head: str, corpora: Sequence[Corpus]) -> Candidate:
    """The network of ``checkpoint`` and all that is known of it.

    Raises:
        CheckpointError: it does not tell what ``head`` tells, or cannot be read.
    """
    network = AdoptedClassifier.load(checkpoint, head)
    tokenizer = _tokenizer(checkpoint, network)
    card = _card(checkpoint, network, corpora)
    return Candidate(checkpoint.artefact(head), VERSION, network, {head: network.labels}, tokenizer, card)


def _tokenizer(checkpoint: Checkpoint, network: AdoptedClassifier) -> Tokenizer:
    try:
        tokenizer = load_tokenizer(checkpoint.folder, network.window, stride=network.window // _OVERLAP_SHARE)
    except Exception as error:  # a foreign file can make the libraries raise anything
        raise CheckpointError(f"{checkpoint.name} has no tokenizer that `tokenizers` can run: {error}") from error
    # transformers makes an empty tokenizer where the files are missing. A network may have some rows to spare.
    found, expected = tokenizer.get_vocab_size(), network.config.vocab_size
    if not expected - _SPARE_ROWS < found <= expected:
        raise CheckpointError(
            f"{checkpoint.name} has a tokenizer of {found} tokens and a network of {expected}: files of the tokenizer "
            "are missing, or belong to another model"
        )
    return tokenizer


def _card(checkpoint: Checkpoint, network: AdoptedClassifier, corpora: Sequence[Corpus]) -> dict[str, Any]:
    published = checkpoint.published
    licence = published.licence if published else "As its publisher says"
    source = f"the Hugging Face hub, at {checkpoint.revision}" if checkpoint.revision else "a local folder"
    trained_on = published.trained_on if published else "What it was trained on is for its publisher to say."
    limits = [
        published.limit if published else "Figures on data that it was trained on flatter it.",
        "A text that is longer than its window is read in several, and the mean of them is answered.",
        "The scores of a whole text are the model's reading of it as one input, no mean of its sentences.",
    ]
    if network.several:
        limits.append(
            "It was trained to give a text several labels, each with a probability of its own; the scores are those, "
            "divided by their sum."
        )
    return {
        "description": f"The {network.head} of a text as {checkpoint.name} reads it, adopted as it is. {trained_on}",
        "encoder": asdict(Encoder(checkpoint.name, licence, source, identify(checkpoint.name, network.model).sha256)),
        "licence": f"{licence}. The weights stay under the terms of their publisher.",
        "seen": list(published.seen) if published else [],
        "limits": limits,
        "results": {},
        "export_commit": commit(),
        **({"data_fingerprint": fingerprint(corpora)} if corpora else {}),
        "libraries": library_versions(),
    }
