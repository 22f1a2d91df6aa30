"""The network: a pretrained encoder, the mean of its token vectors, and one linear layer."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from training.text.metrics import Floats
from training.text.tokens import Encoded, evaluation_batches


class Classifier(nn.Module):
    """Logits (N, classes) of token ids and attention mask, both (N, tokens).

    Mean pooling is what the sentence encoders were pretrained with (Reimers & Gurevych 2019).
    """

    encoder: PreTrainedModel

    def __init__(self, encoder: PreTrainedModel, classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, classes)

    @classmethod
    def from_pretrained(cls, folder: Path, classes: int, *, dropout: float, seed: int) -> "Classifier":
        """An encoder in Hugging Face format under a new head, drawn from ``seed``."""
        torch.manual_seed(seed)
        # Eager attention is the form that ONNX Runtime's optimiser recognises and fuses.
        encoder = AutoModel.from_pretrained(folder, attn_implementation="eager", local_files_only=True)
        return cls(encoder, classes, dropout)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(vectors.dtype)
        mean = (vectors * weights).sum(1) / weights.sum(1)
        logits: Tensor = self.head(self.dropout(mean))
        return logits


@torch.no_grad()
def predict_logits(model: Classifier, encoded: Encoded, batch_size: int = 64) -> Floats:
    """Logits (N, classes) without dropout; the model is left in evaluation mode."""
    model.eval()
    logits = np.empty((len(encoded.ids), model.head.out_features), dtype=np.float32)
    for rows in evaluation_batches(encoded, batch_size):
        ids, mask = encoded.batch(rows)
        logits[rows] = model(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    return logits
