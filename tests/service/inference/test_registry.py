import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.emotions import SENTIMENTS, SPEECH_EMOTIONS, TEXT_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import write_sums
from service.inference.registry import Registry
from service.problems import NotReady, UnknownModel
from tests.doubles import write_emotion_model, write_text_model


@pytest.fixture
def folder(models_dir: Path, tmp_path: Path) -> Path:
    """A models folder of the test's own."""
    return shutil.copytree(models_dir, tmp_path / "models")


TEXT = ("text_minilm",)
BOTH = {"sentiment": SENTIMENTS, "emotion": TEXT_EMOTIONS}


def _reasons(folder: Path, text_models: Sequence[str] = TEXT) -> dict[str, str | None]:
    return {entry.name: entry.reason for entry in Registry.load(folder, text_models).failures}


def test_every_artefact_is_loaded(models_dir):
    registry = Registry.load(models_dir, TEXT)
    assert registry.failures == ()
    assert registry.acoustic("speech_emotion").speech_emotion.labels == SPEECH_EMOTIONS
    assert [model.name for model in registry.text().models] == ["text_minilm"]


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
    shutil.rmtree(folder / "text_minilm")
    reasons = _reasons(folder)
    assert list(reasons) == ["text_minilm"]
    assert "text_minilm/SHA256SUMS cannot be read" in reasons["text_minilm"]


def test_a_front_end_that_differs_from_the_code_is_named(folder):
    write_emotion_model(folder / "speech_emotion", SPEECH_EMOTIONS, metadata={"front_end": '{"hop_length": 1}'})
    reasons = _reasons(folder)
    assert list(reasons) == ["speech_emotion"]
    assert "hop_length" in reasons["speech_emotion"]


def test_labels_that_differ_from_the_code_are_named(folder):
    write_emotion_model(folder / "speech_emotion", VOCAL_BURST_EMOTIONS)
    reasons = _reasons(folder)
    assert list(reasons) == ["speech_emotion"]
    assert "labels of vocal-burst where those of speech-emotion are needed" in reasons["speech_emotion"]


def test_an_artefact_under_another_name_is_refused(folder):
    write_emotion_model(folder / "vocal_burst", VOCAL_BURST_EMOTIONS, name="laughter")
    assert _reasons(folder) == {"vocal_burst": "vocal_burst holds the artefact 'laughter'"}


def test_a_file_that_is_no_network_is_a_reason_and_not_a_crash(folder):
    (folder / "voice_activity" / "model.onnx").write_bytes(b"no network")
    write_sums(folder / "voice_activity")
    assert list(_reasons(folder)) == ["voice_activity"]


def test_what_needs_a_failed_model_is_not_ready_and_the_rest_works(folder):
    shutil.rmtree(folder / "speech_emotion")
    registry = Registry.load(folder, TEXT)
    with pytest.raises(NotReady, match="speech_emotion"):
        registry.acoustic("speech_emotion")
    assert registry.text().models


def test_a_card_of_a_verified_artefact_that_does_not_load_is_kept(folder):
    write_emotion_model(folder / "speech_emotion", VOCAL_BURST_EMOTIONS)
    entry = Registry.load(folder, TEXT).entry("speech_emotion")
    assert entry.card == json.loads((folder / "speech_emotion" / "card.json").read_text())
    assert entry.version == "0.0.0"


@pytest.mark.parametrize("name", ["speech_emotions", "text_minilm", "voice_activity"])
def test_only_an_emotion_model_can_be_asked_for(models_dir, name):
    with pytest.raises(UnknownModel, match="the emotion models are speech_emotion, vocal_burst"):
        Registry.load(models_dir, TEXT).acoustic(name)


class TestTextModels:
    def test_one_model_may_have_both_heads_or_two_one_each(self, tmp_path):
        for name, heads in {"both": BOTH, "one": {"sentiment": SENTIMENTS}, "two": {"emotion": TEXT_EMOTIONS}}.items():
            write_text_model(tmp_path / name, heads)
        for names in (["both"], ["one", "two"], ["two", "one", "two"]):
            registry = Registry.load(tmp_path, names)
            assert {model.name for model in registry.text().models} == set(names)
            assert {head for name in names for head in registry.entry(name).labels} == {"sentiment", "emotion"}

    @pytest.mark.parametrize(
        ("second", "reason"),
        [(BOTH, "first and second have the head 'sentiment'"), ({"sentiment": SENTIMENTS}, "no model has the head")],
    )
    def test_a_head_that_is_missing_or_there_twice_keeps_them_from_being_ready(self, folder, second, reason):
        first = BOTH if second is BOTH else None
        for name, heads in {"first": first, "second": second}.items():
            if heads:
                write_text_model(folder / name, heads)
        names = ["first", "second"] if first else ["second"]
        reasons = _reasons(folder, names)
        assert list(reasons) == names
        assert all(reason in told and "V2V_TEXT_MODELS" in told for told in reasons.values())
        registry = Registry.load(folder, names)
        with pytest.raises(NotReady, match=reason):
            registry.text()
        assert registry.acoustic("speech_emotion")

    def test_of_two_of_which_one_is_missing_that_one_is_told(self, folder):
        write_text_model(folder / "one", {"sentiment": SENTIMENTS})
        assert list(_reasons(folder, ["one", "two"])) == ["two"]

    @pytest.mark.parametrize("name", ["..", ".", "../models/text_minilm", "/etc", "text_minilm/"])
    def test_only_a_plain_name_names_a_folder(self, folder, name):
        assert "V2V_TEXT_MODELS must name folders" in _reasons(folder, [name])[name]

    def test_a_model_of_voices_does_not_read_texts(self, folder):
        reasons = _reasons(folder, ["speech_emotion"])
        assert reasons == {"speech_emotion": "V2V_TEXT_MODELS names speech_emotion, which does not read texts"}

    def test_labels_that_do_not_fit_are_told(self, folder):
        write_text_model(folder / "text_minilm", {"sentiment": ("bad", "good"), "emotion": TEXT_EMOTIONS})
        assert "('bad', 'good')" in _reasons(folder)["text_minilm"]
