import json

import pytest

from service.emotions import SENTIMENTS
from service.inference.artefacts import Artefact
from service.inference.text import SentimentModel
from tests.training.text.conftest import NEGATIVE, NEUTRAL, POSITIVE
from training.text.card import readme, refresh
from training.text.command import balanced_sample, make
from training.text.datasets import Example


@pytest.fixture(scope="module")
def artefact_folder(corpora_folder, encoder_folder, tiny_settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make(corpora_folder, encoder_folder, folder / "runs", folder / "text_sentiment", tiny_settings)
    return folder / "text_sentiment"


def test_the_artefact_is_what_the_service_loads(artefact_folder):
    model = SentimentModel(Artefact.load(artefact_folder))
    for label, words in zip(SENTIMENTS, (NEGATIVE, NEUTRAL, POSITIVE), strict=True):
        assert [result.overall.label for result in model.analyze(words)] == [label] * len(words)


def test_the_service_says_when_the_exported_limit_is_passed(artefact_folder):
    model = SentimentModel(Artefact.load(artefact_folder))
    fits, does_not = model.analyze(["it " * 22, "it " * 23])
    assert (fits.overall.truncated, does_not.overall.truncated) == (False, True)


def test_the_card_says_what_was_done(artefact_folder, tiny_settings):
    card = Artefact.load(artefact_folder).card
    assert card["task"] == "text-sentiment"
    assert card["configuration"]["epochs"] == tiny_settings.epochs
    assert {data["name"]: data["train_used"] for data in card["training_data"]} == {
        "SST-5": 96,
        "MELD": 96,
        "GoEmotions": 60,
    }
    for figures in card["results"]["test"].values():
        assert figures["fp32"]["texts"] == figures["int8"]["texts"] == 30
    assert len(card["commit"].split()[0]) == len(card["data_fingerprint"]) - 24 == 40


def test_the_readme_is_made_from_the_card(artefact_folder):
    card = json.loads((artefact_folder / "card.json").read_text(encoding="utf-8"))
    before = (artefact_folder / "README.md").read_text(encoding="utf-8")
    assert before == readme(card)
    assert card["data_fingerprint"] in before
    refresh(artefact_folder)
    assert (artefact_folder / "README.md").read_text(encoding="utf-8") == before
    Artefact.load(artefact_folder)


def test_a_sample_is_balanced_and_without_repetition():
    examples = [Example(str(number), number % 3 if number < 30 else 0) for number in range(100)]
    sample = balanced_sample(examples, 20, seed=1)
    assert [sum(example.label == label for example in sample) for label in range(3)] == [20, 10, 10]
    assert len(set(sample)) == len(sample)
    assert sample == balanced_sample(examples, 20, seed=1) != balanced_sample(examples, 20, seed=2)
