"""The artefact that comes with the code."""

import json
from pathlib import Path

import pytest
from sklearn.metrics import f1_score

from service.emotions import SENTIMENTS, TEXT_EMOTIONS
from service.inference.artefacts import Artefact
from service.inference.text import TextModel
from training.text.card import readme
from training.text.datasets import read_meld
from training.text.scores import grouped

FOLDER = Path(__file__).parents[3] / "onnx_models/text_minilm"


def test_its_readme_is_made_from_its_card():
    card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == readme(card)


def test_its_figures_on_meld_are_found_again(shared):
    model = TextModel(Artefact.load(FOLDER))
    texts = read_meld(shared / "data/meld").test
    found = model.read([example.text for example in texts]).probabilities
    emotions = grouped(found["emotion"], model.heads["emotion"])
    parts = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))["results"]["test"]["parts"]
    claimed = {part["task"]: part["readers"]["text_minilm"] for part in parts if part["corpus"] == "MELD"}
    for task, labels, scores, truth in (
        ("sentiment", SENTIMENTS, found["sentiment"], [example.sentiment for example in texts]),
        ("emotion", TEXT_EMOTIONS, emotions, [example.emotions[0] for example in texts]),
    ):
        said = [labels[index] for index in scores.argmax(1)]
        figure = f1_score(truth, said, average="weighted", labels=labels, zero_division=0)
        assert figure == pytest.approx(claimed[task]["weighted_f1"]["value"], abs=0.002)


def test_it_reads_emoji():
    model = TextModel(Artefact.load(FOLDER))
    texts = {"I saw it 😍": "joy", "my order 😭": "sadness", "👎": "anger"}
    emotions = grouped(model.read(list(texts)).probabilities["emotion"], model.heads["emotion"])
    assert [TEXT_EMOTIONS[index] for index in emotions.argmax(1)] == list(texts.values())
