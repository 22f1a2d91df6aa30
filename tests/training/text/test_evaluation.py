"""Evaluations of doubles whose answers can be foretold: a label in a text is what they tell of it."""

import argparse
import json
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.artefacts import CARD_FILE, MODEL_FILE, Artefact, ArtefactError, write_sums
from service.inference.text import TextModel
from tests.doubles import write_text_model
from training.text import evaluate as command
from training.text.baselines import Vader
from training.text.card import README_FILE
from training.text.evaluation import evaluate, results
from training.text.neutral import shares
from training.text.tables import tables

FINE = {"sentiment": SENTIMENTS, "emotion": tuple(GOEMOTIONS)}
SEVEN = {"emotion": TEXT_EMOTIONS}
CARD = {
    "labels": {head: list(labels) for head, labels in FINE.items()},
    "window": {"tokens": 12, "overlap": 2},
    "encoder": {"name": "none", "licence": "none", "source": "nowhere", "sha256": "0"},
    "licence": "none",
    "calibration": {"temperatures": {"sentiment": 1.0, "emotion": 1.0}, "method": "none"},
    "quantization": {"shipped": "fp32"},
    "limits": ["It knows its labels only."],
    "results": {"before": "kept"},
}


def write_corpora(folder):
    """Parts of 20 texts, of which the double gets one sentiment and one emotion of MELD wrong, and all else right."""
    meld = [*[("joy positive", "positive", "joy")] * 12, *[("anger negative", "negative", "anger")] * 4]
    meld += [*[("neutral", "neutral", "neutral")] * 3, ("joy positive", "negative", "sadness")]
    goemotions = [*[("gratitude positive", "gratitude")] * 10, *[("anger fear negative", "anger,fear")] * 6]
    goemotions += [("neutral", "neutral")] * 4
    numbers = {name: str(number) for number, name in enumerate(GOEMOTIONS)}
    sst5 = [("positive", 4), ("positive", 3), ("negative", 1), ("neutral", 2)] * 5
    for name in ("sst5", "meld", "goemotions"):
        (folder / name).mkdir(parents=True)
    (folder / "goemotions" / "labels.txt").write_text("\n".join(GOEMOTIONS), encoding="utf-8")
    for part in ("train", "dev", "test"):
        files = {
            f"sst5/stsa.fine.{part}": [f"{label} {text} {part} {n}" for n, (text, label) in enumerate(sst5)],
            f"meld/{part}_sent_emo.csv": [
                "Utterance,Sentiment,Emotion",
                *(f"{text} {part} {n},{sentiment},{emotion}" for n, (text, sentiment, emotion) in enumerate(meld)),
            ],
            f"goemotions/{part}.tsv": [
                f"{text} {part} {n}\t{','.join(numbers[label] for label in labels.split(','))}\tid"
                for n, (text, labels) in enumerate(goemotions)
            ],
        }
        for name, lines in files.items():
            (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_artefact(folder, heads, **card):
    write_text_model(folder, heads)
    written = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    (folder / CARD_FILE).write_text(json.dumps({**written, **CARD, **card}), encoding="utf-8")
    write_sums(folder)
    return folder


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_artefact(tmp_path_factory.mktemp("model") / "text_double", FINE)


@pytest.fixture(scope="module")
def found(model, corpora):
    return results(Artefact.load(model), corpora, reference=model)


def part_of(found, corpus, task, protocol="one label"):
    (part,) = [
        part for part in found["parts"] if (part["corpus"], part["task"], part["protocol"]) == (corpus, task, protocol)
    ]
    return part


def assert_tables_are_whole(text):
    """Every line of a table has as many cells as its header."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert blocks
    for block in blocks:
        assert {line.count("|") for line in block} == {block[0].count("|")}


def test_every_corpus_is_asked_what_it_knows(found):
    assert [(part["corpus"], part["task"], part["protocol"], part["texts"]) for part in found["parts"]] == [
        ("SST-5", "sentiment", "one label", 20),
        ("MELD", "sentiment", "one label", 20),
        ("MELD", "emotion", "one label", 20),
        ("GoEmotions", "sentiment", "one label", 20),
        ("GoEmotions", "emotion", "one label", 14),
        ("GoEmotions", "fine_emotion", "one label", 14),
        ("GoEmotions", "emotion", "several labels", 20),
        ("GoEmotions", "fine_emotion", "several labels", 20),
    ]


def test_the_figures_are_those_of_the_answers(found):
    part = part_of(found, "MELD", "sentiment")
    assert part["confusion"] == [[4, 0, 1], [0, 3, 0], [0, 0, 12]]
    assert part["readers"]["text_double"]["accuracy"]["value"] == 0.95
    assert part["classes"]["negative"]["texts"] == 5
    assert part["classes"]["negative"]["recall"]["value"] == 0.8
    assert part["classes"]["positive"]["precision"]["value"] == pytest.approx(12 / 13, abs=1e-4)
    assert part["neutral"] == part["readers"]["text_double"]["neutral"]["value"] == 0.15
    assert sum(cell["texts"] for cell in part["reliability"]) == 20


def test_baselines_stand_beside_the_model(found):
    readers = part_of(found, "MELD", "sentiment")["readers"]
    assert list(readers) == ["text_double", "fp32", "VADER", "majority"]
    assert readers["VADER"]["accuracy"]["value"] == 0.95
    assert readers["majority"]["label"] == "positive"
    assert readers["majority"]["accuracy"]["value"] == 0.6
    assert "calibration_error" in readers["fp32"]
    assert "calibration_error" not in readers["VADER"].keys() | readers["majority"].keys()
    assert "VADER" not in part_of(found, "MELD", "emotion")["readers"]
    assert part_of(found, "GoEmotions", "emotion", "several labels")["readers"]["majority"]["label"] == "joy"


def test_labels_that_share_a_text_are_found_by_the_threshold_of_the_dev_part(found):
    for task in ("emotion", "fine_emotion"):
        several = part_of(found, "GoEmotions", task, "several labels")["readers"]["text_double"]
        assert several["weighted_f1"]["value"] == 1
        assert 0 < several["threshold"] < 0.5


def test_a_model_that_is_its_own_reference_differs_in_nothing(found):
    for part in found["parts"]:
        assert {name: figure["value"] for name, figure in part["difference"].items()} == dict.fromkeys(
            part["difference"], 0
        )


def test_another_model_is_no_reference(model, corpora, tmp_path):
    other = write_artefact(tmp_path / "text_other", SEVEN)
    with pytest.raises(ArtefactError, match=r"text_other 0\.0\.0, not text_double 0\.0\.0"):
        results(Artefact.load(model), corpora, reference=other)


def test_a_model_of_seven_emotions_is_asked_for_no_more(corpora, tmp_path):
    artefact = Artefact.load(write_artefact(tmp_path / "text_seven", SEVEN, seen=["GoEmotions"]))
    found = results(artefact, corpora)
    assert {(part["corpus"], part["task"], part["seen"]) for part in found["parts"]} == {
        ("MELD", "emotion", False),
        ("GoEmotions", "emotion", True),
    }
    assert set(found["neutral"]["statements"][0]) == {"text", "VADER", "emotion"}
    text = tables(found)
    assert "| GoEmotions emotion (7), one label (**seen**) |" in text
    assert "no unseen test" in text
    assert "less fp32" not in text
    assert_tables_are_whole(text)


def test_the_tables_hold_every_part_and_reader(found):
    text = tables(found)
    assert "| MELD sentiment | 20 | 15.0 % | **text_double** | 0.950 [" in text
    assert text.count("| majority (") == len(found["parts"])
    assert text.count("| less fp32 | +0.000 [+0.000, +0.000] |") == len(found["parts"])
    assert "| negative | 5 | 0.800 [" in text
    assert "| 4 | 0 | 1 |" in text
    assert "Dogs are sitting by the door" in text
    assert "no unseen test" not in text
    assert found["data_fingerprint"] in text
    assert_tables_are_whole(text)


def test_the_card_is_written_twice_alike(corpora, tmp_path):
    folder = write_artefact(tmp_path / "text_double", FINE)
    evaluate(folder, corpora)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    evaluate(folder, corpora)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    card = Artefact.load(folder).card
    assert card["results"]["before"] == "kept"
    assert card["results"]["test"]["models"] == {"text_double": Artefact.load(folder).sha256}
    assert tables(card["results"]["test"]) in first[README_FILE].decode()


def test_shares_of_calls_are_those_of_their_texts(model):
    read = TextModel(Artefact.load(model))
    found = shares(read, Vader(), {"good": ["joy positive", "neutral"], "bad": ["anger negative"] * 2, "silent": []})
    calls = found["by_call"]
    assert calls["good"]["sentiment"] == {"negative": 0, "neutral": 0.5, "positive": 0.5}
    assert calls["bad"]["emotion"]["anger"] == 1
    assert calls["bad"]["VADER"]["negative"] == 1
    assert calls["silent"]["texts"] == sum(calls["silent"]["sentiment"].values()) == 0
    assert found["all"]["texts"] == 4
    assert found["all"]["sentiment"] == {"negative": 0.5, "neutral": 0.25, "positive": 0.25}


@pytest.fixture
def whisper(monkeypatch, tmp_path):
    """The folder of a double of a Whisper model, which hears two sentences on every channel."""

    def word(number, text):
        return SimpleNamespace(word=f" {text}", start=float(number), end=number + 0.5, probability=0.9)

    class Whisper:
        supported_languages = ("en",)

        def transcribe(self, samples, **options):
            words = ["Positive", "joy.", "Unspeakably", "neutral."]
            segment = SimpleNamespace(words=[word(number, text) for number, text in enumerate(words)])
            return iter([segment]), SimpleNamespace(language="en")

    module = ModuleType("faster_whisper")
    module.__spec__ = ModuleSpec("faster_whisper", None)
    module.WhisperModel = lambda *_, **options: Whisper()
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    folder = tmp_path / "whisper-double"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    return folder


def test_calls_are_heard_and_their_words_not_kept(corpora, whisper, sample_call, tmp_path):
    folder = write_artefact(tmp_path / "text_double", FINE)
    calls = tmp_path / "calls"
    calls.mkdir()
    (calls / "complaint.wav").write_bytes(sample_call.read_bytes())
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = [str(folder), "--data", str(corpora), "--calls", str(calls), "--asr", str(whisper)]
    command.run(parser.parse_args(arguments))

    found = Artefact.load(folder).card["results"]["test"]["neutral"]["calls"]
    # Two channels, on each of which one stretch of two sentences is heard.
    assert found["utterances"]["by_call"]["complaint"]["texts"] == 2
    assert found["sentences"]["by_call"]["complaint"]["texts"] == 4
    assert found["sentences"]["by_call"]["complaint"]["sentiment"] == {"negative": 0, "neutral": 0.5, "positive": 0.5}
    assert found["recogniser"]["model"] == "whisper-double"
    assert found["recogniser"]["program"].startswith("faster-whisper ")
    readme = (folder / README_FILE).read_text(encoding="utf-8")
    assert found["recogniser"]["sha256"] in readme
    assert "| complaint | 4 sentences | 0.0 % | 50.0 % | 50.0 % |" in readme
    assert_tables_are_whole(readme)
    for path in set(folder.iterdir()) - {folder / MODEL_FILE}:
        assert b"nspeakably" not in path.read_bytes()


def test_calls_need_somebody_who_hears_them(model, corpora, tmp_path):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    with pytest.raises(SystemExit, match="--calls and --asr go together"):
        command.run(parser.parse_args([str(model), "--data", str(corpora), "--calls", str(tmp_path)]))
