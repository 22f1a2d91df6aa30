import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from training.text.datasets import read_corpora
from training.text.model import Classifier
from training.text.settings import HEADS
from training.text.tokens import encode, load_tokenizer
from training.text.train import fine_tune, loss


class KilledClassifier(Classifier):
    """Dies in its nineteenth training step."""

    steps = 0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        self.steps += self.training
        if self.steps == 19:
            raise KeyboardInterrupt
        return super().forward(input_ids, attention_mask)


@pytest.fixture
def parts(corpora_folder, encoder_folder, tiny_settings):
    tokenizer = load_tokenizer(encoder_folder, tiny_settings.training_tokens)
    corpora = read_corpora(corpora_folder)
    train = encode(tokenizer, [example for corpus in corpora for example in corpus.train])
    return train, {corpus.name: encode(tokenizer, corpus.dev) for corpus in corpora}


def _new(kind, folder):
    return kind.from_pretrained(folder, HEADS, dropout=0.1, seed=4)


def test_an_interrupted_run_ends_with_the_same_weights(parts, encoder_folder, tiny_settings, tmp_path):
    straight = _new(Classifier, encoder_folder)
    (tmp_path / "straight").mkdir()
    history = fine_tune(straight, *parts, tiny_settings, tmp_path / "straight")

    (tmp_path / "broken").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fine_tune(_new(KilledClassifier, encoder_folder), *parts, tiny_settings, tmp_path / "broken")
    resumed = _new(Classifier, encoder_folder)
    assert fine_tune(resumed, *parts, tiny_settings, tmp_path / "broken") == history

    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_it_learns_and_keeps_the_best_weights(parts, encoder_folder, tiny_settings, tmp_path):
    history = fine_tune(_new(Classifier, encoder_folder), *parts, tiny_settings, tmp_path)
    assert [score.step for score in history] == [36, 72, 108]
    found = max(history, key=lambda score: score.mean).macro_f1
    assert found["GoEmotions sentiment"] > 0.9
    assert found["GoEmotions emotion"] > 0.9 * 3 / 7  # three of the seven occur


def test_a_finished_run_is_not_trained_again(parts, encoder_folder, tiny_settings, tmp_path):
    first = _new(Classifier, encoder_folder)
    history = fine_tune(first, *parts, tiny_settings, tmp_path)
    again = _new(KilledClassifier, encoder_folder)
    assert fine_tune(again, *parts, tiny_settings, tmp_path) == history
    assert again.steps == 0
    assert torch.equal(first.heads.emotion.weight, again.heads.emotion.weight)


def _loss(**known: list[float]) -> float:
    """Of one text, under logits of the fine emotions 0, 1, 2, ... and equal ones of the sentiments."""
    logits = {"sentiment": torch.zeros(1, 3), "emotion": torch.arange(28.0)[None]}
    sizes = {"sentiments": 3, "emotions": 7, "fine_emotions": 28}
    targets = (torch.tensor([known.get(name, [0.0] * size)]) for name, size in sizes.items())
    return loss(logits, *targets).item()


def _even(labels: tuple[str, ...], *names: str) -> list[float]:
    return [(label in names) / len(names) for label in labels]


def test_what_is_not_known_costs_nothing():
    assert _loss() == 0
    assert _loss(sentiments=_even(SENTIMENTS, "neutral")) == pytest.approx(math.log(3))


def test_a_coarse_label_asks_for_any_of_its_fine_ones():
    fine = tuple(GOEMOTIONS)
    likelihood = torch.arange(28.0).softmax(0)
    joy = sum(likelihood[fine.index(name)] for name, group in GOEMOTIONS.items() if group == "joy")
    assert _loss(emotions=_even(TEXT_EMOTIONS, "joy")) == pytest.approx(-math.log(joy), rel=1e-5)


def test_where_fine_labels_are_known_they_alone_count():
    fine = tuple(GOEMOTIONS)
    likelihood = torch.arange(28.0).log_softmax(0)
    expected = -(likelihood[fine.index("love")] + likelihood[fine.index("pride")]).item() / 2
    found = _loss(emotions=_even(TEXT_EMOTIONS, "joy"), fine_emotions=_even(fine, "love", "pride"))
    assert found == pytest.approx(expected, rel=1e-5)


def test_one_head_can_be_trained_alone(parts, encoder_folder, tiny_settings, tmp_path):
    model = Classifier.from_pretrained(encoder_folder, ("sentiment",), dropout=0.1, seed=4)
    history = fine_tune(model, *parts, replace(tiny_settings, heads=("sentiment",)), tmp_path)
    assert set(history[-1].macro_f1) == {"SST-5 sentiment", "MELD sentiment", "GoEmotions sentiment"}
