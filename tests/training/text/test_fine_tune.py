import pytest
import torch
from torch import Tensor

from service.emotions import SENTIMENTS
from training.text.datasets import read_corpora
from training.text.fine_tune import fine_tune
from training.text.model import Classifier
from training.text.tokens import encode, load_tokenizer


class KilledClassifier(Classifier):
    """Dies in its nineteenth training step."""

    steps = 0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
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
    return kind.from_pretrained(folder, len(SENTIMENTS), dropout=0.1, seed=4)


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
    assert max(score.mean for score in history) > 0.9


def test_a_finished_run_is_not_trained_again(parts, encoder_folder, tiny_settings, tmp_path):
    first = _new(Classifier, encoder_folder)
    history = fine_tune(first, *parts, tiny_settings, tmp_path)
    again = _new(KilledClassifier, encoder_folder)
    assert fine_tune(again, *parts, tiny_settings, tmp_path) == history
    assert again.steps == 0
    assert torch.equal(first.head.weight, again.head.weight)
