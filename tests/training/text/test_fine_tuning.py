import json

import numpy as np
import pytest

from service.emotions import SENTIMENTS
from service.inference.artefacts import Artefact
from service.inference.text import TextModel
from tests.training.text.conftest import NEGATIVE, NEUTRAL, POSITIVE
from training.text.card import readme, refresh
from training.text.fine_tuning import make


@pytest.fixture(scope="module")
def made(corpora_folder, encoder_folder, tiny_settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make(corpora_folder, str(encoder_folder), folder / "runs", folder / "text_tiny", tiny_settings)
    return folder


@pytest.fixture(scope="module")
def artefact_folder(made):
    return made / "text_tiny"


def test_the_artefact_is_what_the_service_loads(artefact_folder):
    model = TextModel(Artefact.load(artefact_folder))
    for label, words in zip(SENTIMENTS, (NEGATIVE, NEUTRAL, POSITIVE), strict=True):
        found = model.read(words).probabilities["sentiment"].argmax(1)
        assert [SENTIMENTS[index] for index in found] == [label] * len(words)


def test_a_long_text_is_read_in_windows(artefact_folder):
    model = TextModel(Artefact.load(artefact_folder))
    assert model.read(["it " * 22, "it " * 23, "it " * 40, "it " * 41]).windows.tolist() == [1, 2, 2, 3]


def test_the_same_in_float32_stays_with_the_run(made, artefact_folder):
    (reference,) = (made / "runs").glob("*/fp32")
    texts = [*NEGATIVE, *POSITIVE]
    small, full = (TextModel(Artefact.load(folder)).read(texts) for folder in (artefact_folder, reference))
    for head, values in full.probabilities.items():
        np.testing.assert_allclose(small.probabilities[head], values, atol=0.1)


def test_the_card_says_what_was_done(artefact_folder, tiny_settings):
    card = Artefact.load(artefact_folder).card
    assert card["task"] == "text-classification"
    assert card["window"] == {"tokens": 24, "overlap": 4}
    assert card["configuration"]["epochs"] == tiny_settings.epochs
    assert {data["name"]: data["train_used"] for data in card["training_data"]} == {
        "SST-5": 96,
        "MELD": 96,
        "GoEmotions": 96,
    }
    assert len(card["commit"].split()[0]) == len(card["data_fingerprint"]) - 24 == 40
    assert len(card["encoder"]["sha256"]) == 64


def test_int8_ships_where_it_costs_little(artefact_folder):
    quantization = Artefact.load(artefact_folder).card["quantization"]
    loss = quantization["fp32"]["mean"] - quantization["int8"]["mean"]
    assert quantization["shipped"] == ("int8" if loss <= quantization["limit"] else "fp32")
    assert quantization["bytes"] == (artefact_folder / "model.onnx").stat().st_size


def test_the_readme_is_made_from_the_card(artefact_folder):
    card = json.loads((artefact_folder / "card.json").read_text(encoding="utf-8"))
    before = (artefact_folder / "README.md").read_text(encoding="utf-8")
    assert before == readme(card)
    assert card["data_fingerprint"] in before
    refresh(artefact_folder)
    assert (artefact_folder / "README.md").read_text(encoding="utf-8") == before
    Artefact.load(artefact_folder)


def test_made_again_from_the_same_run_it_is_the_same(
    made, artefact_folder, corpora_folder, encoder_folder, tiny_settings
):
    again = made / "again" / "text_tiny"
    make(corpora_folder, str(encoder_folder), made / "runs", again, tiny_settings)
    assert (again / "SHA256SUMS").read_text() == (artefact_folder / "SHA256SUMS").read_text()
