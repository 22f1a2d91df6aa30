"""Published text classifiers in Hugging Face format: had from the hub or a folder, their labels checked and ordered."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub import snapshot_download
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from training.text.model import DEVICE
from training.text.published import KNOWN, Published

_LONGEST_WINDOW: Final = 512
_UNNAMED: Final = re.compile(r"label_\d+")


class CheckpointError(Exception):
    """A checkpoint cannot be had or is not what it is to be adopted for. The message names it and what to do."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The folder of a checkpoint and, where it came from the hub, the commit that it is."""

    name: str
    folder: Path
    revision: str | None = None

    @property
    def published(self) -> Published | None:
        return KNOWN.get(self.name)

    def artefact(self, head: str) -> str:
        """The name of what is made of it: one of our own where it is known, else made from its name."""
        if self.published:
            return self.published.artefact
        own = re.sub(r"[^a-z0-9]+", "_", self.name.rpartition("/")[2].lower()).strip("_")
        return f"text_{own}_{head}"


def locate(name: str) -> Checkpoint:
    """The checkpoint ``name``: a folder, or a repository of the hub, which is fetched unless it was before.

    A folder whose path ends as the name of a known checkpoint, ``OWNER/NAME``, is taken to hold that.

    Raises:
        CheckpointError: it is neither, or the hub cannot be reached.
    """
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"{name} is no checkpoint in Hugging Face format: it has no config.json")
        *_, owner, own = folder.resolve().parts
        return Checkpoint(f"{owner}/{own}" if f"{owner}/{own}" in KNOWN else own, folder)
    try:
        folder = Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "model*.safetensors"]))
        if not any(folder.glob("*.safetensors")):
            snapshot_download(name, revision=folder.name, allow_patterns="pytorch_model*.bin")
    except Exception as error:  # the hub's errors share no other base
        raise CheckpointError(
            f"{name} is no folder here, and the Hugging Face hub does not give it: {_first_line(error)}\n"
            "Where the hub cannot be reached, fetch the checkpoint elsewhere and name the folder that it lies in."
        ) from error
    return Checkpoint(name, folder, revision=folder.name)


class AdoptedClassifier(nn.Module):
    """Logits of one head, {head: (N, labels)}, of token ids and attention mask, both (N, tokens).

    A checkpoint with several labels a text (``multi_label_classification``) gives each a probability of its own, the
    sigmoid of its logit. The service's scores share out one: the softmax of log-sigmoids is those probabilities,
    divided by their sum.

    Attributes:
        labels: in the service's order, whatever the checkpoint's is.
        window: how many tokens it reads at once, special ones included.
    """

    def __init__(self, model: PreTrainedModel, head: str, order: list[int]) -> None:
        super().__init__()
        self.model = model
        self.head = head
        self.register_buffer("order", torch.tensor(order), persistent=False)
        names = _labels(model.config)
        self.labels = tuple(names[index] for index in order)
        self.several = model.config.problem_type == "multi_label_classification"
        self.window = min(_positions(model), _LONGEST_WINDOW)

    @classmethod
    def load(cls, checkpoint: Checkpoint, head: str) -> "AdoptedClassifier":
        """The network of ``checkpoint``, which must tell what ``head`` tells.

        Raises:
            CheckpointError: its labels are others, or it cannot be read.
        """
        try:
            order = _order(AutoConfig.from_pretrained(checkpoint.folder), head)
            model, report = AutoModelForSequenceClassification.from_pretrained(
                checkpoint.folder,
                attn_implementation="eager",  # the form that ONNX Runtime's optimiser fuses
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:  # a foreign file can make the libraries raise anything
            raise CheckpointError(f"{checkpoint.name} cannot be loaded: {error}") from error
        if report["missing_keys"]:
            missing = ", ".join(sorted(report["missing_keys"]))
            raise CheckpointError(f"{checkpoint.name} is no trained classifier: it lacks the weights {missing}")
        return cls(model.to(DEVICE), head, order)

    @property
    def config(self) -> Any:
        return self.model.config

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits[:, self.order]
        return {self.head: nn.functional.logsigmoid(logits) if self.several else logits}


def _order(config: Any, head: str) -> list[int]:
    """Which of the checkpoint's labels stands where in the service's order.

    Raises:
        ValueError: its labels are not those of ``head``.
    """
    labels = _labels(config)
    wanted, known, expected = (
        (set(SENTIMENTS), SENTIMENTS, ", ".join(SENTIMENTS))
        if head == "sentiment"
        else (set(TEXT_EMOTIONS), tuple(GOEMOTIONS), f"{', '.join(TEXT_EMOTIONS)}, or the 28 of GoEmotions")
    )
    if config.problem_type == "regression":
        raise ValueError("it is a regression, which has no labels")
    if not wanted <= set(labels) <= set(known) or len(set(labels)) < len(labels):
        unnamed = any(_UNNAMED.fullmatch(label) for label in labels)
        hint = "; where you know what they stand for, name them in id2label of its config.json" if unnamed else ""
        raise ValueError(f"its labels are {', '.join(labels)} where {head} takes {expected}{hint}")
    return [labels.index(label) for label in known if label in labels]


def _labels(config: Any) -> list[str]:
    return [str(config.id2label[index]).strip().lower() for index in sorted(config.id2label)]


def _positions(model: PreTrainedModel) -> int:
    """How many tokens the network has positions for. RoBERTa's begin after the padding index, so two are no use."""
    embeddings = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    if not isinstance(embeddings, nn.Embedding):
        return int(model.config.max_position_embeddings)
    reserved = 0 if embeddings.padding_idx is None else embeddings.padding_idx + 1
    return embeddings.num_embeddings - reserved


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
