import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from service.audio.features import FrontEnd
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import write_sums
from service.inference.registry import Registry
from service.problems import NotReady, UnknownModel
from tests.doubles import write_emotion_model


@pytest.fixture
def folder(models_dir: Path, tmp_path: Path) -> Path:
    """A models folder of the test's own."""
    return shutil.copytree(models_dir, tmp_path / "models")


def _reasons(folder: Path) -> dict[str, str | None]:
    return {entry.name: entry.reason for entry in Registry.load(folder).failures}


def test_every_artefact_is_loaded(models_dir):
    registry = Registry.load(models_dir)
    assert registry.failures == ()
    assert registry.acoustic("speech_emotion").speech_emotion.labels == SPEECH_EMOTIONS
    assert registry.sentiment().name == "text_sentiment"


def test_a_changed_byte_is_noticed(folder):
    model = folder / "vocal_burst" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    assert _reasons(folder) == {
        "vocal_burst": "vocal_burst/model.onnx does not have the hash that SHA256SUMS gives; "
        "restore the file or export the model again"
    }


def test_a_missing_artefact_is_named(folder):
    shutil.rmtree(folder / "text_sentiment")
    reasons = _reasons(folder)
    assert list(reasons) == ["text_sentiment"]
    assert "text_sentiment/SHA256SUMS cannot be read" in reasons["text_sentiment"]


def test_a_front_end_that_differs_from_the_code_is_named(folder):
    write_emotion_model(folder / "speech_emotion", SPEECH_EMOTIONS, front_end={**asdict(FrontEnd()), "hop_length": 256})
    reasons = _reasons(folder)
    assert list(reasons) == ["speech_emotion"]
    assert "hop_length" in reasons["speech_emotion"]


def test_labels_that_differ_from_the_code_are_named(folder):
    write_emotion_model(folder / "speech_emotion", VOCAL_BURST_EMOTIONS)
    reasons = _reasons(folder)
    assert list(reasons) == ["speech_emotion"]
    assert "confusion" in reasons["speech_emotion"]


def test_an_artefact_under_another_name_is_refused(folder):
    write_emotion_model(folder / "vocal_burst", VOCAL_BURST_EMOTIONS, name="laughter")
    assert _reasons(folder) == {"vocal_burst": "vocal_burst holds the artefact 'laughter'"}


def test_a_file_that_is_no_network_is_a_reason_and_not_a_crash(folder):
    (folder / "voice_activity" / "model.onnx").write_bytes(b"no network")
    write_sums(folder / "voice_activity")
    assert list(_reasons(folder)) == ["voice_activity"]


def test_what_needs_a_failed_model_is_not_ready_and_the_rest_works(folder):
    shutil.rmtree(folder / "speech_emotion")
    registry = Registry.load(folder)
    with pytest.raises(NotReady, match="speech_emotion"):
        registry.acoustic("speech_emotion")
    assert registry.sentiment().name == "text_sentiment"


def test_a_card_of_a_verified_artefact_that_does_not_load_is_kept(folder):
    write_emotion_model(folder / "speech_emotion", VOCAL_BURST_EMOTIONS)
    entry = Registry.load(folder).entry("speech_emotion")
    assert entry.card == json.loads((folder / "speech_emotion" / "card.json").read_text())
    assert entry.version == "0.0.0"


@pytest.mark.parametrize("name", ["speech_emotions", "text_sentiment", "vocal_burst"])
def test_only_a_speech_emotion_model_can_be_asked_for(models_dir, name):
    with pytest.raises(UnknownModel, match="speech_emotion"):
        Registry.load(models_dir).acoustic(name)
