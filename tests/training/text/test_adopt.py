"""Adopting published classifiers: what the service then answers is what ``transformers`` answers."""

import argparse
import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.artefacts import Artefact
from service.inference.text import TextModel
from tests.training.text.published import WINDOW, edit_config, save_bert, save_distilbert, save_roberta
from training.text.adopt import add_arguments, run
from training.text.adoption import adopt
from training.text.checkpoints import CheckpointError, locate
from training.text.phrases import PHRASES
from training.text.published import DEFAULTS

SHUFFLED_SENTIMENTS = ("Positive", "NEGATIVE", "neutral")
SHUFFLED_EMOTIONS = ("joy", "Surprise", "anger", "neutral", "fear", "sadness", "disgust")
SHUFFLED_GOEMOTIONS = tuple(sorted(GOEMOTIONS, reverse=True))

LONG = PHRASES[0]
ODD = (
    "",
    " ",
    "🙂",
    "I ♥ it 😍😍 👩‍👩‍👧 🇫🇷",
    "Ça coûte 3,50 € chez Zoë, naïveté comprise.",
    "東京 Привет مرحبا",
    "<s> is no </s> <pad> mark <mask> to me",
    "tabs\tand\nlines\r\n  and   spaces ",
    "a\u0301 is not \u00e1, \ufb01ne\u200b",
    "no" + "o" * 300,
    LONG,
)

# What int8 may move a probability by, of these networks of random weights.
INT8_BOUND = 0.05


class Adopted:
    """An adopted checkpoint: its own folder, and its artefact in both precisions."""

    def __init__(self, checkpoint: Path, head: str, folder: Path, data: Path | None = None) -> None:
        self.checkpoint, self.head = checkpoint, head
        (name,) = adopt({head: str(checkpoint)}, data, folder / "work", folder / "out")
        self.artefact = folder / "out" / name
        self.card = json.loads((self.artefact / "card.json").read_text(encoding="utf-8"))
        self.fp32, self.int8 = (TextModel(Artefact.load(folder / "work" / name / kind)) for kind in ("fp32", "int8"))

    def published(self, texts: Sequence[str]) -> np.ndarray:
        """What the pipeline of ``transformers`` says of ``texts`` of one window, in the order of our labels."""
        ask = pipeline("text-classification", model=str(self.checkpoint), tokenizer=str(self.checkpoint), top_k=None)
        found = [{each["label"].lower(): each["score"] for each in scores} for scores in ask(list(texts))]
        return np.array([[scores[label] for label in self.fp32.heads[self.head]] for scores in found])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("adopted")


@pytest.fixture(scope="module")
def sentiment(folder) -> Adopted:
    """A RoBERTa whose labels are in another order and case, without tokenizer.json."""
    return Adopted(save_roberta(folder / "plain", SHUFFLED_SENTIMENTS, fast=False), "sentiment", folder)


@pytest.fixture(scope="module")
def emotion(folder) -> Adopted:
    return Adopted(save_roberta(folder / "ekman", SHUFFLED_EMOTIONS), "emotion", folder)


@pytest.fixture(scope="module")
def fine_emotion(folder) -> Adopted:
    return Adopted(save_roberta(folder / "fine", SHUFFLED_GOEMOTIONS), "emotion", folder)


@pytest.fixture(params=["sentiment", "emotion", "fine_emotion"])
def adopted(request) -> Adopted:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def real_sentences(shared: Path) -> list[str]:
    """200 of the test parts of MELD and GoEmotions, from all over them, those with signs beyond ASCII first."""
    with (shared / "data" / "meld" / "test_sent_emo.csv").open(encoding="utf-8", newline="") as file:
        meld = [row["Utterance"] for row in csv.DictReader(file)]
    lines = (shared / "data" / "goemotions" / "test.tsv").read_text(encoding="utf-8").splitlines()
    texts = dict.fromkeys(meld + [line.partition("\t")[0] for line in lines])
    beyond = [text for text in texts if not text.isascii()]
    plain = [text for text in texts if text.isascii()]
    return [*beyond[:: len(beyond) // 60][:60], *plain[:: len(plain) // 140][:140]]


def in_one_window(adopted: Adopted, texts: Sequence[str]) -> list[str]:
    tokenizer = AutoTokenizer.from_pretrained(adopted.checkpoint)
    return [text for text in texts if len(tokenizer(text).input_ids) <= WINDOW]


def test_the_labels_are_the_services_whatever_their_order_was(sentiment, emotion, fine_emotion):
    assert sentiment.fp32.heads == {"sentiment": SENTIMENTS}
    assert set(emotion.fp32.heads["emotion"]) == set(TEXT_EMOTIONS)
    assert fine_emotion.fp32.heads["emotion"] == tuple(GOEMOTIONS)


def test_real_sentences_score_as_in_transformers(adopted, real_sentences):
    assert len(real_sentences) == 200
    texts = in_one_window(adopted, real_sentences)
    assert len(texts) > 190
    np.testing.assert_allclose(
        adopted.fp32.read(texts).probabilities[adopted.head], adopted.published(texts), atol=1e-4
    )


def test_phrases_and_odd_texts_score_as_in_transformers(adopted):
    texts = in_one_window(adopted, [*PHRASES, *ODD])
    assert len(texts) > 240
    np.testing.assert_allclose(
        adopted.fp32.read(texts).probabilities[adopted.head], adopted.published(texts), atol=1e-4
    )


def test_the_texts_are_told_apart(adopted):
    """Else agreement would say nothing."""
    scores = adopted.published(PHRASES[1:])
    assert len(set(scores.argmax(1))) > 1
    assert scores.std(0).max() > 0.02


def test_a_long_text_is_the_mean_of_its_windows(sentiment):
    """Its windows are cut by the tokenizer of ``transformers`` and read by the checkpoint itself."""
    tokenizer = AutoTokenizer.from_pretrained(sentiment.checkpoint)
    network = AutoModelForSequenceClassification.from_pretrained(sentiment.checkpoint).eval()
    order = [SHUFFLED_SENTIMENTS.index(label) for label in ("NEGATIVE", "neutral", "Positive")]
    for text in (LONG, " ".join(PHRASES[1:60])):
        cut = tokenizer(
            text, truncation=True, max_length=WINDOW, stride=WINDOW // 16, return_overflowing_tokens=True
        ).input_ids
        with torch.no_grad():
            scores = [network(torch.tensor([ids])).logits.softmax(1)[0, order].numpy() for ids in cut]
        found = sentiment.fp32.read([text])
        assert found.windows.tolist() == [len(cut)]
        assert len(cut) > 4
        np.testing.assert_allclose(
            found.probabilities["sentiment"][0], np.average(scores, axis=0, weights=[*map(len, cut)]), atol=1e-4
        )


def test_the_last_position_is_used_and_no_further_one(sentiment):
    """RoBERTa's positions begin after its padding index: of 98 it has 96."""
    words = "no " * (WINDOW - 2)
    fits, does_not = sentiment.fp32.read([words.strip(), words + "no"]).windows
    assert (fits, does_not) == (1, 2)
    assert sentiment.card["window"] == {"tokens": WINDOW, "overlap": WINDOW // 16}


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_padding_changes_nothing(adopted, kind):
    model = getattr(adopted, kind)
    together = model.read(PHRASES).probabilities[adopted.head]
    alone = np.concatenate([model.read([text]).probabilities[adopted.head] for text in PHRASES])
    np.testing.assert_allclose(together, alone, atol=2e-6)


def test_int8_stays_close(adopted):
    texts = [*PHRASES, *ODD]
    full, small = (model.read(texts).probabilities[adopted.head] for model in (adopted.fp32, adopted.int8))
    assert np.abs(full - small).max() < INT8_BOUND
    assert (full.argmax(1) == small.argmax(1)).mean() > 0.95
    assert adopted.card["quantization"]["int8"][adopted.head] > 0.95


@pytest.mark.parametrize("save", [save_bert, save_distilbert])
def test_other_encoders_are_adopted_too(save, tmp_path):
    adopted = Adopted(save(tmp_path / "word-pieces", SHUFFLED_SENTIMENTS), "sentiment", tmp_path)
    texts = in_one_window(adopted, [*PHRASES, *ODD])
    np.testing.assert_allclose(adopted.fp32.read(texts).probabilities["sentiment"], adopted.published(texts), atol=1e-4)


def test_probabilities_of_several_labels_are_shared_out(tmp_path):
    checkpoint = save_roberta(tmp_path / "several", SHUFFLED_GOEMOTIONS, several=True)
    adopted = Adopted(checkpoint, "emotion", tmp_path)
    texts = in_one_window(adopted, PHRASES)
    independent = adopted.published(texts)
    assert np.abs(independent.sum(1) - 1).min() > 0.1
    np.testing.assert_allclose(
        adopted.fp32.read(texts).probabilities["emotion"], independent / independent.sum(1, keepdims=True), atol=1e-4
    )
    assert any("several labels" in limit for limit in adopted.card["limits"])


def test_half_precision_weights_are_widened(folder, sentiment, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(sentiment.checkpoint, half)
    AutoModelForSequenceClassification.from_pretrained(half, dtype=torch.float16).save_pretrained(half)
    adopted = Adopted(half, "sentiment", tmp_path)
    np.testing.assert_allclose(
        adopted.fp32.read(PHRASES[1:]).probabilities["sentiment"],
        sentiment.fp32.read(PHRASES[1:]).probabilities["sentiment"],
        atol=0.01,
    )


def test_a_data_set_calibrates_and_measures(sentiment, corpora_folder, tmp_path):
    adopted = Adopted(sentiment.checkpoint, "sentiment", tmp_path, data=corpora_folder)
    assert sentiment.card["calibration"]["temperatures"] == {"sentiment": 1.0}
    assert "no data set" in sentiment.card["calibration"]["method"]
    (temperature,) = adopted.card["calibration"]["temperatures"].values()
    assert temperature != 1.0
    for kind in ("fp32", "int8"):
        assert adopted.card["quantization"][kind].keys() > {"SST-5 sentiment", "MELD sentiment"}
    assert "data_fingerprint" in adopted.card


def test_the_card_names_what_was_adopted(sentiment, folder):
    card = sentiment.card
    assert card["name"] == "text_plain_sentiment"
    assert card["encoder"]["name"] == "plain"
    assert len(card["encoder"]["sha256"]) == 64
    assert str(folder) not in json.dumps(card)
    assert "its publisher" in card["licence"]
    readme = (sentiment.artefact / "README.md").read_text(encoding="utf-8")
    assert "text_plain_sentiment" in readme
    assert card["encoder"]["sha256"] in readme


def test_a_known_checkpoint_is_known_in_a_folder_of_its_name(tmp_path):
    name = "j-hartmann/emotion-english-distilroberta-base"
    adopted = Adopted(save_roberta(tmp_path / name, SHUFFLED_EMOTIONS), "emotion", tmp_path)
    assert adopted.artefact.name == "text_distilroberta_emotion"
    assert adopted.card["seen"] == ["MELD", "GoEmotions"]
    assert "GoEmotions" in adopted.card["description"]
    assert any("no unseen tests" in limit for limit in adopted.card["limits"])


@pytest.mark.parametrize(
    ("head", "labels", "said"),
    [
        ("sentiment", ("LABEL_0", "LABEL_1", "LABEL_2"), ("label_0, label_1, label_2", "id2label", *SENTIMENTS)),
        ("sentiment", ("positive", "negative"), ("positive, negative", *SENTIMENTS)),
        ("sentiment", SHUFFLED_EMOTIONS, ("surprise", *SENTIMENTS)),
        ("emotion", ("joy", "anger", "fear", "sadness", "love", "surprise"), ("love", *TEXT_EMOTIONS, "GoEmotions")),
        ("emotion", (*TEXT_EMOTIONS, "boredom"), ("boredom", *TEXT_EMOTIONS)),
        ("emotion", (*TEXT_EMOTIONS, "JOY"), ("joy", *TEXT_EMOTIONS)),
    ],
)
def test_other_labels_are_named_beside_what_is_expected(head, labels, said, tmp_path):
    checkpoint = save_roberta(tmp_path / "stranger", labels)
    with pytest.raises(CheckpointError) as caught:
        adopt({head: str(checkpoint)}, None, tmp_path / "work", tmp_path / "out")
    for word in ("stranger", *said):
        assert word in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_regression_is_refused(tmp_path):
    checkpoint = save_roberta(tmp_path / "stars", SENTIMENTS)
    edit_config(checkpoint, problem_type="regression")
    with pytest.raises(CheckpointError, match=r"stars.*regression"):
        adopt({"sentiment": str(checkpoint)}, None, tmp_path / "work", tmp_path / "out")


def test_an_encoder_without_its_classifier_is_refused(tmp_path):
    checkpoint = save_roberta(tmp_path / "encoder", SENTIMENTS)
    network = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    network.roberta.save_pretrained(checkpoint)
    edit_config(checkpoint, id2label=dict(enumerate(SENTIMENTS)))
    with pytest.raises(CheckpointError, match=r"encoder.*classifier\.dense\.weight"):
        adopt({"sentiment": str(checkpoint)}, None, tmp_path / "work", tmp_path / "out")


def test_a_folder_that_holds_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        locate(str(tmp_path))


def test_a_weights_file_that_is_torn_is_refused(tmp_path):
    checkpoint = save_roberta(tmp_path / "torn", SENTIMENTS)
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="torn"):
        adopt({"sentiment": str(checkpoint)}, None, tmp_path / "work", tmp_path / "out")


def test_a_checkpoint_without_a_tokenizer_is_refused(tmp_path):
    checkpoint = save_roberta(tmp_path / "silent", SENTIMENTS)
    for path in [*checkpoint.glob("tokenizer*"), *checkpoint.glob("vocab*"), *checkpoint.glob("merges*")]:
        path.unlink()
    with pytest.raises(CheckpointError, match=r"silent has a tokenizer of \d+ tokens.*are missing"):
        adopt({"sentiment": str(checkpoint)}, None, tmp_path / "work", tmp_path / "out")


def command(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args(arguments))


def test_the_command_makes_both_and_says_how_to_use_them(sentiment, emotion, tmp_path, capsys):
    chosen = ("--sentiment", str(sentiment.checkpoint), "--emotion", str(emotion.checkpoint))
    command(*chosen, "--out", str(tmp_path))
    assert "V2V_TEXT_MODELS=text_ekman_emotion,text_plain_sentiment" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text_ekman_emotion", "text_plain_sentiment"]
    heads = [[*TextModel(Artefact.load(path)).heads] for path in sorted(tmp_path.iterdir())]
    assert heads == [["emotion"], ["sentiment"]]


def test_the_second_checkpoint_is_checked_before_the_first_is_written(sentiment, tmp_path):
    with pytest.raises(SystemExit, match=r"plain.*emotion takes"):
        command(
            "--sentiment", str(sentiment.checkpoint), "--emotion", str(sentiment.checkpoint), "--out", str(tmp_path)
        )
    assert not any(tmp_path.iterdir())


@contextlib.contextmanager
def hub(root: Path, revision: str) -> Iterator[tuple[str, list[str]]]:
    """A hub that has the folders of ``root``: its address, and which files were taken from it."""
    taken: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            name, _, rest = self.path.removeprefix("/api/models/").partition("/revision/")
            if rest:
                return self._answer({"id": name, "sha": revision, "siblings": []})
            name, _, rest = name.partition("/tree/")
            if rest:
                files = sorted((root / name).iterdir())
                entry = {"type": "file", "oid": "0" * 40}
                return self._answer([{**entry, "path": file.name, "size": file.stat().st_size} for file in files])
            name, is_file, file = self.path.removeprefix("/").partition(f"/resolve/{revision}/")
            if is_file and self.command == "GET":
                taken.append(file)
            self.path = f"/{name}/{file}"
            return super().do_GET() if self.command == "GET" else super().do_HEAD()

        do_HEAD = do_GET  # noqa: N815 - the name is http.server's

        def end_headers(self) -> None:
            self.send_header("X-Repo-Commit", revision)
            self.send_header("ETag", f'"{Path(self.path).name}"')
            super().end_headers()

        def _answer(self, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_command_takes_the_defaults_from_the_hub(sentiment, emotion, tmp_path):
    """One is published as it is usual now; of the other, as of many older ones, there are pickled weights only."""
    safe, pickled = tmp_path / "hub" / DEFAULTS["emotion"], tmp_path / "hub" / DEFAULTS["sentiment"]
    shutil.copytree(emotion.checkpoint, safe)
    shutil.copytree(sentiment.checkpoint, pickled)
    (pickled / "model.safetensors").unlink()
    weights = AutoModelForSequenceClassification.from_pretrained(sentiment.checkpoint).state_dict()
    torch.save(weights, pickled / "pytorch_model.bin")
    for unwanted in (safe / "pytorch_model.bin", safe / "tf_model.h5", pickled / "flax_model.msgpack"):
        unwanted.write_bytes(b"nothing that anybody needs")
    revision = "0123456789abcdef0123456789abcdef01234567"
    with hub(tmp_path / "hub", revision) as (address, taken):
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "training", "text", "adopt", "--out", tmp_path / "out"],
            env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "V2V_TEXT_MODELS=text_distilroberta_emotion,text_roberta_sentiment" in done.stdout
    assert sorted(taken) == sorted(
        path.name
        for path in (*emotion.checkpoint.iterdir(), *pickled.iterdir())
        if path.suffix in {".json", ".txt", ".safetensors"} or path == pickled / "pytorch_model.bin"
    )
    for name, original in (("text_distilroberta_emotion", emotion), ("text_roberta_sentiment", sentiment)):
        artefact = Artefact.load(tmp_path / "out" / name)
        assert revision in artefact.card["encoder"]["source"]
        assert artefact.card["encoder"]["sha256"] == original.card["encoder"]["sha256"]
        np.testing.assert_array_equal(
            TextModel(artefact).read(PHRASES).probabilities[original.head],
            original.int8.read(PHRASES).probabilities[original.head],
        )


def test_a_hub_out_of_reach_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(SystemExit) as caught:
        command("--out", str(out))
    assert "j-hartmann/emotion-english-distilroberta-base" in str(caught.value.code)
    assert "name the folder" in str(caught.value.code)
    assert not any(out.iterdir())
