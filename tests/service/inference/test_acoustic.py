"""The emotion models: what they accept and what they say."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import onnx
import pytest

from service.audio.features import FrontEnd
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact, ArtefactError, write_sums
from tests.doubles import write_emotion_model

ROWS = 37  # more than two batches and not a whole number of them


@pytest.fixture(scope="module")
def model(models_dir):
    return EmotionModel(Artefact.load(models_dir / "speech_emotion"))


@pytest.fixture(scope="module")
def sounds():
    random = np.random.default_rng(0)
    levels = random.uniform(0.001, 0.3, (ROWS, 1))
    return (levels * random.normal(size=(ROWS, FrontEnd().window_samples))).astype(np.float32)


def _change_metadata(folder, **changes):
    model = onnx.load(folder / "model.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props} | changes
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, folder / "model.onnx")
    write_sums(folder)


@pytest.fixture
def folder(models_dir, tmp_path):
    return shutil.copytree(models_dir / "speech_emotion", tmp_path / "speech_emotion")


def test_it_knows_what_it_is(models_dir, model):
    artefact = Artefact.load(models_dir / "speech_emotion")
    assert (model.name, model.version, model.sha256) == (artefact.name, artefact.version, artefact.sha256)
    assert model.labels == SPEECH_EMOTIONS
    assert EmotionModel(Artefact.load(models_dir / "vocal_burst")).labels == VOCAL_BURST_EMOTIONS


def test_each_window_gets_its_own_probabilities_in_any_batch(model, sounds):
    scores = model.scores(sounds)
    assert scores.shape == (ROWS, len(SPEECH_EMOTIONS))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate([model.scores(sound[None]) for sound in sounds])
    np.testing.assert_allclose(scores, one_by_one, atol=1e-4)
    assert len(np.unique(scores.round(6), axis=0)) > 1


def test_no_windows_have_no_probabilities(model):
    assert model.scores(np.empty((0, FrontEnd().window_samples), np.float32)).shape == (0, len(SPEECH_EMOTIONS))


def test_the_level_of_a_window_does_not_matter(model, sounds):
    np.testing.assert_allclose(model.scores(sounds[:4]), model.scores(sounds[:4] * np.float32(0.1)), atol=1e-4)


@pytest.mark.parametrize("field", asdict(FrontEnd()))
def test_another_front_end_is_refused(folder, field):
    other = asdict(FrontEnd()) | {field: 7}
    _change_metadata(folder, front_end=json.dumps(other))
    with pytest.raises(ArtefactError, match=f"front_end is .*{field}.*export the model again"):
        EmotionModel(Artefact.load(folder))


@pytest.mark.parametrize(
    "labels", [SPEECH_EMOTIONS[:-1], SPEECH_EMOTIONS[::-1], VOCAL_BURST_EMOTIONS], ids=["fewer", "reversed", "other"]
)
def test_other_labels_are_refused(folder, labels):
    _change_metadata(folder, labels=json.dumps(labels))
    with pytest.raises(ArtefactError, match="labels"):
        EmotionModel(Artefact.load(folder))


@pytest.mark.parametrize("changes", [{"name": "other"}, {"version": "9"}, {"front_end": "{"}, {"labels": "null"}])
def test_other_metadata_are_refused(folder, changes):
    _change_metadata(folder, **changes)
    with pytest.raises(ArtefactError, match=next(iter(changes))):
        EmotionModel(Artefact.load(folder))


def test_a_network_without_metadata_is_refused(models_dir):
    with pytest.raises(ArtefactError, match="voice_activity: name is None"):
        EmotionModel(Artefact.load(models_dir / "voice_activity"))


def test_a_name_that_is_no_emotion_model_is_refused(tmp_path):
    write_emotion_model(tmp_path / "mood", SPEECH_EMOTIONS)
    with pytest.raises(ArtefactError, match="mood is not the name of an emotion model"):
        EmotionModel(Artefact.load(tmp_path / "mood"))


def test_a_network_of_another_shape_is_refused(folder, tmp_path):
    write_emotion_model(tmp_path / "small" / "speech_emotion", SPEECH_EMOTIONS[:5])
    small = tmp_path / "small" / "speech_emotion"
    _change_metadata(small, labels=json.dumps(SPEECH_EMOTIONS))
    with pytest.raises(ArtefactError, match="output"):
        EmotionModel(Artefact.load(small))
