import json
import logging
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from service.audio.features import FrontEnd
from service.emotions import SENTIMENTS, SPEECH_EMOTIONS, TEXT_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import write_sums
from service.inference.registry import Registry
from service.problems import NotReady, UnknownModel
from tests.doubles import link_bundled_models, write_emotion_model, write_text_model


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
    assert registry.acoustic("speech_encoder").speech_emotion.labels == SPEECH_EMOTIONS
    assert [model.name for model in registry.text().models] == ["text_minilm"]


def test_a_changed_byte_is_noticed(folder):
    model = folder / "burst_encoder" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    assert _reasons(folder) == {
        "burst_encoder": "burst_encoder/model.onnx does not have the hash that SHA256SUMS gives; "
        "restore the file or export the model again"
    }


def test_a_missing_artefact_is_named(folder):
    shutil.rmtree(folder / "text_minilm")
    reasons = _reasons(folder)
    assert list(reasons) == ["text_minilm"]
    assert "text_minilm/SHA256SUMS cannot be read" in reasons["text_minilm"]


def test_a_front_end_that_differs_from_the_code_is_named(folder):
    write_emotion_model(folder / "speech_encoder", SPEECH_EMOTIONS, metadata={"front_end": '{"hop_length": 1}'})
    reasons = _reasons(folder)
    assert list(reasons) == ["speech_encoder"]
    assert "hop_length" in reasons["speech_encoder"]


def test_labels_that_differ_from_the_code_are_named(folder):
    write_emotion_model(folder / "speech_encoder", VOCAL_BURST_EMOTIONS)
    reasons = _reasons(folder)
    assert list(reasons) == ["speech_encoder"]
    assert "labels of vocal-burst where those of speech-emotion are needed" in reasons["speech_encoder"]


def test_an_artefact_under_another_name_is_refused(folder):
    write_emotion_model(folder / "burst_encoder", VOCAL_BURST_EMOTIONS, name="laughter")
    assert _reasons(folder) == {"burst_encoder": "burst_encoder holds the artefact 'laughter'"}


def test_a_file_that_is_no_network_is_a_reason_and_not_a_crash(folder):
    (folder / "voice_activity" / "model.onnx").write_bytes(b"no network")
    write_sums(folder / "voice_activity")
    assert list(_reasons(folder)) == ["voice_activity"]


def test_what_needs_a_failed_model_is_not_ready_and_the_rest_works(folder):
    shutil.rmtree(folder / "speech_encoder")
    registry = Registry.load(folder, TEXT)
    with pytest.raises(NotReady, match="speech_encoder"):
        registry.acoustic("speech_encoder")
    assert registry.text().models


def test_a_card_of_a_verified_artefact_that_does_not_load_is_kept(folder):
    write_emotion_model(folder / "speech_encoder", VOCAL_BURST_EMOTIONS)
    entry = Registry.load(folder, TEXT).entry("speech_encoder")
    assert entry.card == json.loads((folder / "speech_encoder" / "card.json").read_text())
    assert entry.version == "0.0.0"


@pytest.mark.parametrize("name", ["speech_encoders", "text_minilm", "voice_activity"])
def test_only_an_emotion_model_can_be_asked_for(models_dir, name):
    with pytest.raises(UnknownModel, match="the emotion models are speech_encoder, burst_encoder"):
        Registry.load(models_dir, TEXT).acoustic(name)


class TestFound:
    """Emotion models beside those that are loaded at the start."""

    @pytest.fixture
    def folder(self, models_dir: Path, tmp_path: Path) -> Path:
        folder = tmp_path / "models"
        link_bundled_models(models_dir, folder)
        write_emotion_model(folder / "mfcc", SPEECH_EMOTIONS, front_end=FrontEnd(features=("mfcc",)))
        write_emotion_model(folder / "bursts", VOCAL_BURST_EMOTIONS, front_end=FrontEnd(statistics=True))
        return folder

    def test_each_stands_in_for_its_task(self, folder):
        registry = Registry.load(folder, TEXT)
        for name, speech, bursts in (
            ("mfcc", "mfcc", "burst_encoder"),
            ("bursts", "speech_encoder", "bursts"),
            ("burst_encoder", "speech_encoder", "burst_encoder"),
        ):
            models = registry.acoustic(name)
            assert (models.speech_emotion.name, models.vocal_burst.name) == (speech, bursts)

    def test_settings_may_make_them_the_default(self, folder):
        registry = Registry.load(folder, TEXT, ("mfcc", "bursts"))
        for name, speech, bursts in ((None, "mfcc", "bursts"), ("speech_encoder", "speech_encoder", "bursts")):
            models = registry.acoustic(name)
            assert (models.speech_emotion.name, models.vocal_burst.name) == (speech, bursts)
        assert {"mfcc", "bursts"} < set(registry.required)
        assert "speech_encoder" not in registry.required

    def test_one_is_loaded_when_it_is_first_asked_for(self, folder):
        registry = Registry.load(folder, TEXT)
        before = registry.entries["mfcc"]
        assert (before.task, before.labels) == ("speech-emotion", {"emotion": SPEECH_EMOTIONS})
        assert (before.waits, before.version, before.sha256, before.card) == (True, None, None, {})
        after = registry.entry("mfcc")
        assert (after.waits, after.version, after.model.name) == (False, "0.0.0", "mfcc")
        assert after.card == json.loads((folder / "mfcc" / "card.json").read_text())
        assert after is registry.entries["mfcc"] is registry.entry("mfcc")
        assert registry.entries["bursts"].waits

    def test_one_that_fails_keeps_its_reason_and_is_not_required(self, folder):
        network = (folder / "mfcc" / "model.onnx").read_bytes()
        (folder / "mfcc" / "model.onnx").write_bytes(b"no network")
        registry = Registry.load(folder, TEXT)
        assert registry.failures == ()
        for _ in range(2):
            with pytest.raises(
                NotReady, match=r"start the service again: mfcc: mfcc/model\.onnx does not have the hash"
            ):
                registry.acoustic("mfcc")
            (folder / "mfcc" / "model.onnx").write_bytes(network)
        assert [entry.name for entry in registry.failures] == ["mfcc"]
        registry.require(*registry.required)
        assert registry.acoustic("bursts")

    def test_one_whose_labels_are_of_another_task_than_its_card_says_is_refused(self, folder):
        write_emotion_model(folder / "torn", SPEECH_EMOTIONS, task="vocal-burst")
        with pytest.raises(NotReady, match="torn has the labels of speech-emotion where those of vocal-burst"):
            Registry.load(folder, TEXT).acoustic("torn")

    def test_threads_that_ask_at_once_get_one_and_the_same(self, folder, caplog):
        caplog.set_level(logging.INFO, "service.inference.registry")
        registry = Registry.load(folder, TEXT)
        together = Barrier(8)

        def ask(_):
            together.wait(timeout=60)
            return registry.acoustic("mfcc").speech_emotion

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(ask, range(8)))) == 1
        assert caplog.messages.count("mfcc 0.0.0 is loaded") == 1

    def test_what_is_no_emotion_model_is_passed_over(self, folder):
        (folder / "notes.txt").write_text("not a folder")
        (folder / "empty").mkdir()
        write_text_model(folder / "opinions", BOTH)
        for name in ("opinions of mine", ".hidden", "x" * 101):
            write_emotion_model(folder / name, SPEECH_EMOTIONS)
        for name, card in {
            "json": "{",
            "list": "[]",
            "nameless": "{}",
            "other": '{"task": "speech"}',
            "odd": '{"task": ["speech-emotion"]}',
        }.items():
            write_emotion_model(folder / name, SPEECH_EMOTIONS)
            (folder / name / "card.json").write_text(card)
        names = set(Registry.load(folder, TEXT).entries)
        assert names == {"voice_activity", "speech_encoder", "burst_encoder", "text_minilm", "mfcc", "bursts"}

    def test_one_that_is_named_for_texts_is_told_not_to_read_them(self, folder):
        registry = Registry.load(folder, ["mfcc"])
        assert "mfcc: heads is" in str(registry.entries["mfcc"].reason)
        with pytest.raises(UnknownModel):
            registry.acoustic("mfcc")

    @pytest.mark.parametrize("name", ["../outside", "mfcc/", "./mfcc", "mfcc/../mfcc", "MFCC", ""])
    def test_a_name_is_no_path(self, folder, name):
        write_emotion_model(folder.parent / "outside", SPEECH_EMOTIONS)
        registry = Registry.load(folder, TEXT)
        for ask in (registry.acoustic, registry.entry):
            for asked in (name, str(folder.parent / "outside")):
                with pytest.raises(UnknownModel):
                    ask(asked)


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
        assert registry.acoustic("speech_encoder")

    def test_of_two_of_which_one_is_missing_that_one_is_told(self, folder):
        write_text_model(folder / "one", {"sentiment": SENTIMENTS})
        assert list(_reasons(folder, ["one", "two"])) == ["two"]

    @pytest.mark.parametrize("name", ["..", ".", "../models/text_minilm", "/etc", "text_minilm/"])
    def test_only_a_plain_name_names_a_folder(self, folder, name):
        assert f"{name!r} is no such name" in _reasons(folder, [name])[name]
        registry = Registry.load(folder, TEXT, (name, "burst_encoder"))
        assert f"{name!r} is no such name" in (registry.entry(name).reason or "")

    def test_a_model_of_voices_does_not_read_texts(self, folder):
        reasons = _reasons(folder, ["speech_encoder"])
        assert reasons == {"speech_encoder": "V2V_TEXT_MODELS names speech_encoder, which does not read texts"}

    def test_labels_that_do_not_fit_are_told(self, folder):
        write_text_model(folder / "text_minilm", {"sentiment": ("bad", "good"), "emotion": TEXT_EMOTIONS})
        assert "('bad', 'good')" in _reasons(folder)["text_minilm"]
