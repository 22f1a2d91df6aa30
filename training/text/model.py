"""The network: a pretrained encoder, the mean of its token vectors, and one linear layer for each head."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from service.emotions import GOEMOTIONS
from training.text.scores import grouped
from training.text.settings import HEADS
from training.text.tokens import Encoded, Floats, evaluation_batches

DEVICE: Final = torch.device("cuda" if torch.cuda.is_available() else "cpu")
GROUPS: Final = torch.from_numpy(grouped(np.eye(len(GOEMOTIONS), dtype=np.float32), tuple(GOEMOTIONS))).to(DEVICE)
"""Which of the fine emotions lie in which of the seven: (28, 7) of 0 and 1."""


class Network(Protocol):
    """Logits (N, labels) of each head of token ids and attention mask, both (N, tokens); with eager attention."""

    @property
    def config(self) -> Any:
        """The encoder's, as ``transformers`` has it."""

    def eval(self) -> Any:
        """Leave out dropout from now on."""

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]: ...


class Classifier(nn.Module):
    """Logits of each head, (N, labels), of token ids and attention mask, both (N, tokens).

    Mean pooling is what the sentence encoders were pretrained with (Reimers & Gurevych 2019).
    """

    encoder: PreTrainedModel

    def __init__(self, encoder: PreTrainedModel, heads: Iterable[str], dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({head: nn.Linear(encoder.config.hidden_size, len(HEADS[head])) for head in heads})

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path, heads: Iterable[str], *, dropout: float, seed: int
    ) -> "Classifier":
        """The encoder of a Hugging Face checkpoint under new heads, drawn from ``seed``."""
        torch.manual_seed(seed)
        # Eager attention is the form that ONNX Runtime's optimiser recognises and fuses.
        encoder = AutoModel.from_pretrained(checkpoint, attn_implementation="eager")
        return cls(encoder, heads, dropout).to(DEVICE)

    @property
    def config(self) -> Any:
        return self.encoder.config

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(vectors.dtype)
        mean = self.dropout((vectors * weights).sum(1) / weights.sum(1))
        return {name: head(mean) for name, head in self.heads.items()}


@torch.no_grad()
def predict_logits(network: Network, encoded: Encoded, batch_size: int = 64) -> dict[str, Floats]:
    """Logits (N, labels) of each head, without dropout; the network is left in evaluation mode."""
    network.eval()
    order: list[int] = []
    batches = []
    for rows in evaluation_batches(encoded, batch_size):
        inputs = (torch.from_numpy(array).to(DEVICE) for array in encoded.batch(rows))
        batches.append({head: found.float().cpu().numpy() for head, found in network(*inputs).items()})
        order += rows
    back = np.argsort(order)
    return {head: np.concatenate([batch[head] for batch in batches])[back] for head in batches[0]}
