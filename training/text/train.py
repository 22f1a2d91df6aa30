"""Fine-tuning that can be killed at any moment and started again to the same end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.text.model import DEVICE, GROUPS, Classifier, predict_logits
from training.text.scores import macro_f1_by_head, probabilities
from training.text.settings import HEADS, Settings
from training.text.tokens import Encoded, training_batches


@dataclass(frozen=True, slots=True)
class DevScore:
    """Macro F1 after ``step`` steps, by corpus and head."""

    step: int
    macro_f1: Mapping[str, float]

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.macro_f1.values())))


def fine_tune(
    model: Classifier, train: Encoded, dev: Mapping[str, Encoded], settings: Settings, folder: Path
) -> list[DevScore]:
    """Train ``model`` in place and leave it with the weights that scored best on the dev parts.

    The state is kept in ``folder``; a run that was interrupted goes on from its last checkpoint. Batches
    depend on the seed and the epoch, dropout on the seed and the step: an interruption changes no number.
    """
    checkpoint = folder / "checkpoint.pt"
    optimizer = torch.optim.AdamW(
        _parameter_groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
    )
    steps = settings.epochs * -(-len(train.ids) // settings.batch_size)
    milestones = {steps * part // settings.evaluations for part in range(1, settings.evaluations + 1)}
    done, history, best = 0, list[DevScore](), model.state_dict()
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=DEVICE)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done, best = state["step"], state["best"]
        history = [DevScore(score["step"], score["macro_f1"]) for score in state["history"]]

    progress = tqdm(total=steps, initial=done, desc="fine-tuning", unit="step", mininterval=5)
    for step, rows in enumerate(_all_batches(train, settings), start=1):
        if step <= done:
            continue
        torch.manual_seed(settings.seed * 1_000_003 + step)
        progress.set_postfix(loss=_train_step(model, optimizer, train, rows, step / steps, settings), refresh=False)
        progress.update()
        if step in milestones:
            score = DevScore(step, dev_scores(model, dev))
            if all(score.mean > earlier.mean for earlier in history):
                best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            history.append(score)
            progress.write(f"step {step}: dev macro F1 {score.mean:.4f} {dict(score.macro_f1)}")
        if step in milestones or step % settings.checkpoint_steps == 0:
            _save(checkpoint, model, optimizer, step, history, best)
    progress.close()
    model.load_state_dict(best)
    return history


def dev_scores(model: Classifier, dev: Mapping[str, Encoded]) -> dict[str, float]:
    """Macro F1 by corpus and head, such as ``MELD emotion``."""
    scores: dict[str, float] = {}
    for name, part in dev.items():
        found = {head: probabilities(logits) for head, logits in predict_logits(model, part).items()}
        scores |= {f"{name} {head}": score for head, score in macro_f1_by_head(part, found, HEADS).items()}
    return scores


def loss(logits: Mapping[str, Tensor], sentiments: Tensor, emotions: Tensor, fine_emotions: Tensor) -> Tensor:
    """Cross-entropy of both heads, summed over what is known of each text, as a mean over the texts.

    A text that is labelled with one of the seven emotions only says that one of its fine ones is meant: its
    likelihood is their sum.
    """
    total = torch.zeros(len(sentiments), device=sentiments.device)
    if "sentiment" in logits:
        total = total - (sentiments * logits["sentiment"].log_softmax(1)).sum(1)
    if "emotion" in logits:
        fine = logits["emotion"].log_softmax(1)
        grouped = (fine.exp() @ GROUPS).clamp_min(1e-9).log()
        coarsely = emotions * (fine_emotions.sum(1, keepdim=True) == 0)
        total = total - (fine_emotions * fine).sum(1) - (coarsely * grouped).sum(1)
    return total.mean()


def _train_step(
    model: Classifier,
    optimizer: torch.optim.Optimizer,
    train: Encoded,
    rows: list[int],
    share: float,
    settings: Settings,
) -> float:
    ids, mask = (torch.from_numpy(array).to(DEVICE) for array in train.batch(rows))
    targets = (
        torch.from_numpy(array[rows]).to(DEVICE) for array in (train.sentiments, train.emotions, train.fine_emotions)
    )
    model.train()
    with torch.autocast(DEVICE.type, torch.bfloat16, enabled=settings.bfloat16):
        logits = model(ids, mask)
    found = loss({head: values.float() for head, values in logits.items()}, *targets)
    optimizer.zero_grad()
    torch.autograd.backward(found)
    nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * min(
            share / settings.warmup_share, (1 - share) / (1 - settings.warmup_share)
        )
    optimizer.step()
    return found.item()


def _all_batches(train: Encoded, settings: Settings) -> Iterator[list[int]]:
    for epoch in range(settings.epochs):
        yield from training_batches(train, settings.batch_size, (settings.seed, epoch))


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only, as BERT was trained."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


def _save(
    path: Path,
    model: Classifier,
    optimizer: torch.optim.Optimizer,
    step: int,
    history: list[DevScore],
    best: Mapping[str, torch.Tensor],
) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [{"step": score.step, "macro_f1": dict(score.macro_f1)} for score in history],
        "best": dict(best),
    }
    unfinished = path.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(path)
