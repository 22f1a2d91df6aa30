"""Checkpoints as people publish them, small, with random weights: the same in every run."""

import json
from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase, digits, punctuation

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaTokenizer,
)

from training.text.phrases import PHRASES

WINDOW = 96
"""How many tokens these RoBERTas have positions for."""

# Wide enough for the labels to vary from text to text, narrow enough for int8.
_SPREAD = 0.15
_ROBERTA_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_SIGNS = ascii_lowercase + digits + punctuation
_WORD_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_SIGNS, *(f"##{sign}" for sign in _SIGNS))
_PIECES = len(_WORD_PIECES)


def save_roberta(folder: Path, labels: Sequence[str], *, fast: bool = True, several: bool = False) -> Path:
    """A RoBERTa of two small layers under a byte-level BPE of our own phrases; ``fast`` adds a tokenizer.json.

    With ``several`` it gives a text any number of ``labels``.
    """
    folder.mkdir(parents=True)
    vocabulary = ByteLevelBPETokenizer()
    vocabulary.train_from_iterator(
        PHRASES, vocab_size=1200, show_progress=False, special_tokens=list(_ROBERTA_SPECIALS)
    )
    vocabulary.save_model(str(folder))
    if fast:
        RobertaTokenizer.from_pretrained(folder, model_max_length=WINDOW).save_pretrained(folder)
    torch.manual_seed(1)
    config = RobertaConfig(
        vocab_size=vocabulary.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=WINDOW + 2,
        type_vocab_size=1,
        initializer_range=_SPREAD,
        problem_type="multi_label_classification" if several else None,
        **_named(labels),
    )
    return _save(RobertaForSequenceClassification(config), folder)


def save_bert(folder: Path, labels: Sequence[str]) -> Path:
    _save_word_pieces(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=_PIECES,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=WINDOW,
        initializer_range=_SPREAD,
        **_named(labels),
    )
    return _save(BertForSequenceClassification(config), folder)


def save_distilbert(folder: Path, labels: Sequence[str]) -> Path:
    _save_word_pieces(folder)
    torch.manual_seed(1)
    config = DistilBertConfig(
        vocab_size=_PIECES,
        dim=64,
        n_layers=2,
        n_heads=4,
        hidden_dim=128,
        max_position_embeddings=WINDOW,
        initializer_range=_SPREAD,
        **_named(labels),
    )
    return _save(DistilBertForSequenceClassification(config), folder)


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def _save_word_pieces(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(_WORD_PIECES) + "\n", encoding="utf-8")
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)


def _named(labels: Sequence[str]) -> dict[str, dict[object, object]]:
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def _save(model: PreTrainedModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder
