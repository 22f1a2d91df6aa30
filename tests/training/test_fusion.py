"""What the voice weighs beside the words: how both are had from MELD, how the weight is fitted, what is said of it."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import wavfile
from scipy.stats import spearmanr

from service.conversation.valence import FUSION, Fusion
from service.emotions import GOEMOTIONS, SENTIMENTS, SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import ArtefactError
from service.inference.text import Readings
from training.datasets import CorpusError
from training.fusion import Utterances, add_arguments, measure, page, run, spearman, utterances

RATE = 16_000
PITCHES = {"happy": 500, "neutral": 1000, "surprised": 1500, "angry": 2000}
TREBLE = 6000
"""No telephone passes it on."""
VIDEOS = {"dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
EMOTIONS = {"positive": "joy", "neutral": "neutral", "negative": "anger"}


class Said(NamedTuple):
    dialogue: int
    utterance: int
    text: str
    voice: str
    sentiment: str


SCENE = (
    Said(0, 0, "positive", "happy", "positive"),
    Said(0, 1, "neutral", "angry", "negative"),
    Said(3, 0, "negative", "surprised", "neutral"),
    Said(10, 0, "neutral", "neutral", "neutral"),
)


def write_part(folder: Path, part: str, scene: Iterable[Said]) -> None:
    """A part of MELD in its layout, its sound WAV: a pitch for each voice, and the treble on all of them."""
    videos = folder / VIDEOS[part]
    videos.mkdir(parents=True)
    time = np.arange(RATE // 4) / RATE
    with (folder / f"{part}_sent_emo.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"))
        for said in scene:
            rows.writerow(
                (f" {said.text} ", "Ross", EMOTIONS[said.sentiment], said.sentiment, said.dialogue, said.utterance)
            )
            tone = np.sin(2 * np.pi * PITCHES[said.voice] * time) + np.sin(2 * np.pi * TREBLE * time)
            wavfile.write(videos / f"dia{said.dialogue}_utt{said.utterance}.wav", RATE, (8000 * tone).astype(np.int16))


@pytest.fixture
def meld(tmp_path: Path) -> Path:
    for part in VIDEOS:
        write_part(tmp_path / "meld" / part, part, SCENE)
    return tmp_path / "meld"


class Listener:
    """Knows the pitches, or hears neutral where it misses the treble."""

    name = "listener"

    def __init__(self, labels: tuple[str, ...] = SPEECH_EMOTIONS, needs_treble: bool = False):
        self.labels = labels
        self.needs_treble = needs_treble

    def scores(self, windows: np.ndarray) -> np.ndarray:
        power = np.square(np.abs(np.fft.rfft(windows)))
        bins = {label: round(pitch * windows.shape[1] / RATE) for label, pitch in PITCHES.items()}
        scores = np.zeros((len(windows), len(self.labels)), np.float32)
        for row, spectrum in zip(scores, power, strict=True):
            heard = max(bins, key=lambda label: spectrum[bins[label]])
            if self.needs_treble and spectrum[round(TREBLE * windows.shape[1] / RATE)] < 0.1 * spectrum.max():
                heard = "neutral"
            row[self.labels.index(heard)] = 1
        return scores


class Reader:
    """Reads texts that say their sentiment."""

    name = "reader"

    def __init__(self, **heads: tuple[str, ...]):
        self.heads = heads or {"sentiment": SENTIMENTS}

    def read(self, pieces: list[str]) -> Readings:
        sentiment = [[float(label == piece) for label in SENTIMENTS] for piece in pieces]
        assert np.sum(sentiment) == len(pieces), "the texts have white space around them"
        return Readings({"sentiment": np.array(sentiment, np.float32)}, np.ones(len(pieces), np.int64))


def part(voice: Iterable[float], text: Iterable[float], sentiment: Iterable[float], each: int = 5) -> Utterances:
    """Utterances that sound alike in both bands, ``each`` so many of them a dialogue."""
    heard, read, truth = (np.array(list(values), float) for values in (voice, text, sentiment))
    dialogues = np.array([str(number // each) for number in range(len(truth))])
    source = {"corpus": "MELD made up", "fingerprint": "0" * 64, "table_sha256": "1" * 64, "notes": ("a note",)}
    return Utterances({"wideband": heard, "telephone": heard}, read, truth, dialogues, source)


def noisy(seed: int, voice: float, text: float, count: int = 200) -> Utterances:
    """Voice and words that say so much of the sentiment, and noise besides."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, 2, count)
    heard, read = (share * truth + rng.normal(0, 0.4, count) for share in (voice, text))
    return part(heard, read, truth)


def test_voice_words_and_sentiment_are_of_the_same_utterance(meld: Path) -> None:
    found = utterances(Listener(), Reader(), meld, "dev", workers=2)
    assert found.dialogues.tolist() == ["0", "0", "10", "3"]
    assert found.text.tolist() == [1, 0, 0, -1]
    assert found.sentiment.tolist() == [1, -1, 0, 0]
    for band in ("wideband", "telephone"):
        assert found.voice[band].tolist() == [1, -1, 0, 0]


def test_telephone_band_is_what_a_telephone_passes_on(meld: Path) -> None:
    found = utterances(Listener(needs_treble=True), Reader(), meld, "test", workers=1)
    assert found.voice["wideband"].tolist() == [1, -1, 0, 0]
    assert found.voice["telephone"].tolist() == [0, 0, 0, 0]


def test_models_that_do_not_tell_it_are_refused(meld: Path) -> None:
    with pytest.raises(ArtefactError, match=r"listener tells confusion, .*; name a model of the emotions of speech"):
        utterances(Listener(VOCAL_BURST_EMOTIONS), Reader(), meld, "dev", workers=1)
    with pytest.raises(ArtefactError, match="reader tells no sentiment"):
        utterances(Listener(), Reader(emotion=tuple(GOEMOTIONS)), meld, "dev", workers=1)


@pytest.mark.parametrize("name", ["dev_sent_emo.csv", "dia10_utt0.wav"])
def test_part_that_is_not_whole_is_refused(meld: Path, name: str) -> None:
    (found,) = (meld / "dev").rglob(name)
    found.unlink()
    with pytest.raises(CorpusError, match=name.removesuffix(".wav")):
        utterances(Listener(), Reader(), meld, "dev", workers=1)


def test_voice_and_words_are_fused_as_the_service_does_it() -> None:
    both = noisy(1, 0.3, 0.3, count=20)
    for weight, found in zip((0.0, 0.2, 1.0), both.fused((0.0, 0.2, 1.0), "telephone"), strict=True):
        expected = [Fusion(weight).fuse(*pair) for pair in zip(both.voice["telephone"], both.text, strict=True)]
        assert found == pytest.approx(expected, abs=1e-4)


levels = st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0])


@given(arrays(float, (2, 12), elements=levels), arrays(float, 12, elements=levels))
@settings(max_examples=40)
def test_correlation_is_the_one_of_spearman(values: np.ndarray, truth: np.ndarray) -> None:
    """With ties, of which the sentiment is full; a row that is all equal tells nothing."""
    for row, found in zip(values, spearman(values, truth), strict=True):
        flat = len(np.unique(row)) == 1 or len(np.unique(truth)) == 1
        assert found == pytest.approx(0 if flat else spearmanr(row, truth).statistic)


def test_fitted_weight_is_the_best_hundredth_of_the_dev_part() -> None:
    dev, test = noisy(1, 0.4, 0.5), noisy(2, 0.0, 0.5)
    fitted = measure(dev, test)["weights"]["fitted"]
    direct = [
        round(spearmanr(n / 100 * dev.voice["telephone"] + (1 - n / 100) * dev.text, dev.sentiment).statistic, 4)
        for n in range(101)
    ]
    assert 0 < fitted < 1
    assert fitted == direct.index(max(direct)) / 100


@pytest.mark.parametrize(("voice", "text", "weight"), [(0.0, 1.0, 0.0), (1.0, 0.0, 1.0)])
def test_what_tells_all_weighs_all(voice: float, text: float, weight: float) -> None:
    noise, truth = np.random.default_rng(1).uniform(-1, 1, 60), np.tile((-1, 0, 1), 20)
    telling = part(*(truth if share else noise for share in (voice, text)), truth)
    assert measure(telling, telling)["weights"]["fitted"] == weight


def test_of_equal_weights_the_lightest_voice_is_taken() -> None:
    """Where both say the same, the voice adds nothing."""
    same = np.tile((-0.6, 0.1, 0.8), 5)
    dev = part(same, same, np.tile((-1, 0, 1), 5))
    result = measure(dev, dev)
    assert set(result["dev"]["spearman_by_weight"].values()) == {1.0}
    assert result["weights"]["fitted"] == 0


def test_only_the_dev_part_over_the_telephone_is_fitted_on() -> None:
    dev, test = noisy(1, 0.4, 0.5), noisy(2, 0.4, 0.5)
    other = replace(dev, voice={**dev.voice, "wideband": dev.sentiment})
    assert measure(other, replace(test, text=-test.text))["weights"] == measure(dev, test)["weights"]


def test_figures_are_of_the_test_part_and_the_weights() -> None:
    dev, test = noisy(1, 0.4, 0.5), noisy(2, 0.3, 0.5)
    test = replace(test, voice={**test.voice, "wideband": -test.voice["telephone"]})
    result = measure(dev, test)
    assert result["weights"]["default"] == round(FUSION.voice, 4)
    assert {name: result["weights"][name] for name in ("voice alone", "text alone")} == {
        "voice alone": 1,
        "text alone": 0,
    }
    assert (result["test"]["utterances"], result["test"]["dialogues"]) == (200, 40)
    for band, figures in result["test"]["bands"].items():
        for name, found in figures.items():
            weight = FUSION.voice if name == "default" else result["weights"][name]
            fused = weight * test.voice[band] + (1 - weight) * test.text
            value = spearmanr(fused, test.sentiment).statistic
            low, high = found["spearman"]["interval_95"]
            assert found["spearman"]["value"] == pytest.approx(value, abs=1e-4)
            assert low < value < high


def test_dialogues_are_drawn_whole() -> None:
    """Utterances that come twice in their dialogue make nothing surer."""
    dev, test = noisy(1, 0.4, 0.5), noisy(2, 0.3, 0.5, count=100)
    twice = part(*(np.repeat(each, 2) for each in (test.voice["telephone"], test.text, test.sentiment)), each=10)
    assert measure(dev, twice)["test"]["bands"] == measure(dev, test)["test"]["bands"]


def test_difference_is_of_the_same_draws() -> None:
    """A voice that says what the words say differs by nothing in any draw, however much both vary."""
    test = noisy(2, 0.0, 0.5)
    test = replace(test, voice=dict.fromkeys(test.voice, test.text))
    figures = measure(test, test)["test"]["bands"]["telephone"]["voice alone"]
    assert figures["more_than_text"] == {"value": 0, "interval_95": [0, 0]}
    assert figures["spearman"]["interval_95"][0] < figures["spearman"]["interval_95"][1]


def document(dev: Utterances, test: Utterances) -> dict:
    model = {"name": "listener", "version": "1.0.0", "sha256": "2" * 64}
    return {
        "models": {"voice": model, "text": {**model, "name": "reader"}},
        "commit": "unknown",
        "libraries": {"numpy": "2.4.6"},
        **measure(dev, test),
    }


def test_page_names_the_setting_that_it_is_about() -> None:
    found = document(noisy(1, 0.5, 0.5), noisy(2, 0.5, 0.5))
    text = page(found)
    assert "`Fusion.voice` in `service/conversation/valence.py`" in text
    assert f"`VOICE_WEIGHT` in `service/emotions.py`, here {FUSION.voice:.4f}" in text
    assert f"Fitted on MELD made up it is **{found['weights']['fitted']}**" in text
    assert f"| telephone | default | {FUSION.voice:.4f} |" in text
    assert "| telephone | text alone | 0.0 |" in text
    assert "listener 1.0.0" in text
    assert "  - a note" in text


@pytest.mark.parametrize(
    ("dev", "test", "says"),
    [
        ((0.5, 0.5), (0.5, 0.5), "**telephone**: the fitted weight is better than text alone, by **0."),
        ((0.5, 0.5), (0.0, 0.5), "**telephone**: the fitted weight is not better than text alone; the difference is"),
        ((-0.5, 0.5), (0.5, 0.5), "**telephone**: the fitted weight is not better than text alone: it is text alone."),
    ],
)
def test_page_says_plainly_whether_the_voice_helps(
    dev: tuple[float, float], test: tuple[float, float], says: str
) -> None:
    assert says in page(document(noisy(1, *dev), noisy(2, *test)))


TEXTS = {
    "I love it, this is wonderful!": "positive",
    "Thank you so much, that makes me happy.": "positive",
    "The book is on the table.": "neutral",
    "It starts at nine.": "neutral",
    "I hate this, it is terrible.": "negative",
    "You ruined everything and I am furious.": "negative",
}


def options(*arguments: str):
    parser = ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_writes_figures_and_page(models_dir: Path, tmp_path: Path) -> None:
    scene = [
        Said(number, 0, text, list(PITCHES)[number % len(PITCHES)], sentiment)
        for number, (text, sentiment) in enumerate(TEXTS.items())
    ]
    for name in VIDEOS:
        write_part(tmp_path / "meld", name, scene)
    out = tmp_path / "reports"
    run(options("--meld", str(tmp_path / "meld"), "--out", str(out), "--workers", "1"))
    found = json.loads((out / "fusion.json").read_text(encoding="utf-8"))
    for what, name in (("voice", "speech_encoder"), ("text", "text_minilm")):
        card = json.loads((models_dir / name / "card.json").read_text(encoding="utf-8"))
        assert (found["models"][what]["name"], found["models"][what]["version"]) == (name, card["version"])
    assert (found["dev"]["corpus"], found["test"]["corpus"]) == ("MELD dev", "MELD test")
    assert found["test"]["dialogues"] == found["test"]["utterances"] == len(TEXTS)
    assert found["test"]["bands"]["telephone"]["text alone"]["spearman"]["value"] > 0.8
    assert (out / "fusion.md").read_text(encoding="utf-8") == page(found)


def test_command_without_a_model_says_so(meld: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="SHA256SUMS cannot be read"):
        run(options("--meld", str(meld), "--text-model", str(tmp_path / "none"), "--out", str(tmp_path)))
