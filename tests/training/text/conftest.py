"""A tiny corpus in the three official layouts and a tiny BERT to fine-tune on it."""

from itertools import product
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from training.text.settings import Settings

NEGATIVE = ("awful", "terrible", "hate", "broken", "disgrace")
NEUTRAL = ("tuesday", "meeting", "table", "number", "folder")
POSITIVE = ("love", "great", "thanks", "wonderful", "happy")
FILLER = ("the", "it", "is", "a", "we", "was", "this")


def _sentence(generator: np.random.Generator, label: int, sign: str) -> str:
    """A sentence of ``label`` that is like no other, as ``sign`` is in it."""
    words = [sign, *generator.choice(FILLER, size=generator.integers(1, 9)).tolist()]
    words.insert(generator.integers(len(words) + 1), str(generator.choice((NEGATIVE, NEUTRAL, POSITIVE)[label])))
    return " ".join(words)


def _write_corpora(folder: Path, sizes: dict[str, int]) -> None:
    generator = np.random.default_rng(1)
    signs = ("".join(letters) for letters in product(ascii_lowercase, repeat=3))
    for name in ("sst5", "meld", "goemotions"):
        (folder / name).mkdir(parents=True)
    (folder / "goemotions" / "labels.txt").write_text("anger\nneutral\njoy\nsurprise\n", encoding="utf-8")
    meld, fine = ("negative,anger", "neutral,neutral", "positive,joy"), ((0, 1), (2,), (3, 4))
    for part, size in sizes.items():
        labels = [row % 3 for row in range(size)]
        texts = {
            corpus: [(label, _sentence(generator, label, next(signs))) for label in labels]
            for corpus in ("sst5", "meld", "goemotions")
        }
        files = {
            f"sst5/stsa.fine.{part}": [f"{generator.choice(fine[label])} {text}" for label, text in texts["sst5"]],
            f"meld/{part}_sent_emo.csv": [
                "Utterance,Sentiment,Emotion",
                *(f'"{text}",{meld[label]}' for label, text in texts["meld"]),
            ],
            f"goemotions/{part}.tsv": [f"{text}\t{label}\tid" for label, text in texts["goemotions"]],
        }
        for name, lines in files.items():
            (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """So small a network is slower on more."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def corpora_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SST-5, MELD and GoEmotions as their authors lay them out, of a few made-up texts. Not to be changed."""
    folder = tmp_path_factory.mktemp("corpora")
    _write_corpora(folder, {"train": 96, "dev": 30, "test": 30})
    return folder


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two small layers with random weights, in Hugging Face format. Not to be changed."""
    folder = tmp_path_factory.mktemp("encoder")
    # A trained vocabulary is numbered anew in every process, and with it the random weights of each word.
    letters = [prefix + letter for prefix in ("", "##") for letter in ascii_lowercase]
    pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *NEGATIVE, *NEUTRAL, *POSITIVE, *FILLER)
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)  # noqa: S106 - no password
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_settings() -> Settings:
    return Settings(
        epochs=6,
        batch_size=16,
        learning_rate=1e-2,
        training_tokens=16,
        serving_tokens=24,
        serving_overlap=4,
        evaluations=3,
        checkpoint_steps=7,
    )
