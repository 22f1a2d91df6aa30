"""The emotion models: what they accept and what they say."""

import hashlib
import json
import shutil

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from service.audio.features import FrontEnd
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact, ArtefactError, write_sums
from service.inference.conformal import Conformal
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


def test_it_promises_what_its_metadata_promise(tmp_path):
    for name, metadata in {"silent": {}, "sure": {"conformal": '{"coverage": 0.9, "least_score": 0.07}'}}.items():
        write_emotion_model(tmp_path / name, SPEECH_EMOTIONS, metadata=metadata)
    silent, sure = (EmotionModel(Artefact.load(tmp_path / name)) for name in ("silent", "sure"))
    assert silent.conformal is None
    assert sure.conformal == Conformal(coverage=0.9, least_score=0.07)


def test_a_front_end_has_the_same_hash_however_it_is_described(tmp_path):
    described = {
        "full": {},
        "brief": {"front_end": "{}"},
        "other": {"front_end": '{"dynamic_range_db": 70.0}'},
    }
    for name, metadata in described.items():
        write_emotion_model(tmp_path / name, SPEECH_EMOTIONS, metadata=metadata)
    full, brief, other = (EmotionModel(Artefact.load(tmp_path / name)).front_end_sha256 for name in described)
    assert full == brief != other
    fields = (
        '{"dynamic_range_db":80.0,"features":["mel"],"hop_length":512,"n_fft":1024,"n_mels":64,"n_mfcc":40,'
        '"sample_rate":16000,"statistics":false,"window_samples":48000}'
    )
    assert full == hashlib.sha256(fields.encode()).hexdigest()


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


@pytest.mark.parametrize("labels", [SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS], ids=["speech", "bursts"])
@pytest.mark.parametrize(
    "front_end",
    [
        FrontEnd(features=("mfcc",), n_mfcc=13),
        FrontEnd(features=("chroma",)),
        FrontEnd(features=("mfcc", "mel", "chroma", "zcr"), n_mels=128, n_fft=2048, hop_length=276),
        FrontEnd(features=("mfcc", "zcr"), statistics=True),
    ],
    ids=lambda front_end: f"{'+'.join(front_end.features)} {front_end.shape}",
)
def test_any_front_end_that_the_metadata_describe_is_used(tmp_path, sounds, front_end, labels):
    write_emotion_model(tmp_path / "any", labels, front_end=front_end)
    model = EmotionModel(Artefact.load(tmp_path / "any"))
    assert model.labels == labels
    network = ort.InferenceSession(tmp_path / "any" / "model.onnx")
    (expected,) = network.run(["probabilities"], {"input": front_end(sounds)})
    np.testing.assert_allclose(model.scores(sounds), expected, atol=1e-5)


def test_what_the_metadata_leave_out_of_the_front_end_has_its_default(tmp_path, sounds):
    for name, metadata in {"brief": {"front_end": json.dumps({"n_mels": 32})}, "full": {}}.items():
        write_emotion_model(tmp_path / name, SPEECH_EMOTIONS, front_end=FrontEnd(n_mels=32), metadata=metadata)
    brief, full = (EmotionModel(Artefact.load(tmp_path / name)) for name in ("brief", "full"))
    np.testing.assert_array_equal(brief.scores(sounds[:2]), full.scores(sounds[:2]))


@pytest.mark.parametrize(
    ("front_end", "reason"),
    [
        ({"window": 48_000}, "window: Unexpected keyword argument"),
        ({"n_mels": "64"}, "n_mels: Input should be a valid integer"),
        ({"statistics": 1}, "statistics: Input should be a valid boolean"),
        ({"features": ["mel", "pitch"]}, "'pitch'.*name some of"),
        ({"features": ["mel", "mfcc"]}, "in this order"),
        ({"features": []}, "name some of"),
        ({"sample_rate": 22_050}, "sample_rate is 22050 where the service gives 16000"),
        ({"window_samples": 16_000}, "window_samples is 16000 where the service gives 48000"),
        ({"n_fft": 1 << 20}, "n_fft is 1048576, which is not from 128 to 4096"),
        ({"n_fft": 1023}, "n_fft is 1023, which is odd"),
        ({"hop_length": 1}, "hop_length is 1, which is not from 64"),
        ({"n_mels": 0}, "n_mels is 0"),
        ({"n_mels": 100_000}, "n_mels is 100000"),
        ({"features": ["mfcc"], "n_mfcc": 65}, "n_mfcc is 65, more than the 64 of n_mels"),
        ({"n_mfcc": 100_000}, "n_mfcc is 100000"),
        ({"dynamic_range_db": float("nan")}, "dynamic_range_db is nan"),
        ([], "Input should be an object"),
        (None, "Input should be an object"),
    ],
)
def test_a_front_end_that_cannot_be_made_is_refused(folder, front_end, reason):
    _change_metadata(folder, front_end=json.dumps(front_end))
    with pytest.raises(ArtefactError, match=f"speech_emotion: front_end: .*{reason}.*; export the model again"):
        EmotionModel(Artefact.load(folder))


@pytest.mark.parametrize(
    "front_end", [{"features": ["mfcc"]}, {"n_mels": 128}, {"hop_length": 256}, {"statistics": True}]
)
def test_a_front_end_that_is_not_the_network_s_is_refused(folder, front_end):
    _change_metadata(folder, front_end=json.dumps(front_end))
    with pytest.raises(ArtefactError, match=r"input is \[\('input', \[94, 64\]\)\].*export the model again"):
        EmotionModel(Artefact.load(folder))


@pytest.mark.parametrize("labels", [SPEECH_EMOTIONS[:-1], SPEECH_EMOTIONS[::-1], {"0": "calm"}, None])
def test_other_labels_are_refused(folder, labels):
    _change_metadata(folder, labels=json.dumps(labels))
    with pytest.raises(ArtefactError, match=r"labels is .*'neutral'.* or .*'confusion'.*export the model again"):
        EmotionModel(Artefact.load(folder))


def test_labels_that_are_not_the_network_s_are_refused(folder):
    _change_metadata(folder, labels=json.dumps(VOCAL_BURST_EMOTIONS))
    with pytest.raises(ArtefactError, match=r"output is \[\[8\]\]"):
        EmotionModel(Artefact.load(folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"version": "9"},
        {"front_end": "{"},
        {"labels": "null"},
        {"conformal": "null"},
        {"conformal": '{"coverage": 0.9}'},
    ],
)
def test_other_metadata_are_refused(folder, changes):
    _change_metadata(folder, **changes)
    with pytest.raises(ArtefactError, match=next(iter(changes))):
        EmotionModel(Artefact.load(folder))


def test_a_network_without_metadata_is_refused(models_dir):
    with pytest.raises(ArtefactError, match="voice_activity: name is None"):
        EmotionModel(Artefact.load(models_dir / "voice_activity"))


def _change_graph(folder, change):
    model = onnx.load(folder / "model.onnx")
    change(model.graph)
    onnx.save(model, folder / "model.onnx")
    write_sums(folder)


def _labels_too(graph):
    graph.output.append(onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, ["batch", 64]))


def _logits(graph):
    del graph.node[-1]
    graph.node[-1].output[0] = "probabilities"


def _one_window(graph):
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_labels_too, "output is"),
        (_logits, "of noise, which are no probabilities"),
        (_one_window, "cannot classify two windows"),
    ],
)
def test_a_network_that_is_no_classifier_of_windows_is_refused(tmp_path, change, reason):
    write_emotion_model(tmp_path / "odd", SPEECH_EMOTIONS)
    _change_graph(tmp_path / "odd", change)
    with pytest.raises(ArtefactError, match=f"odd.* {reason}.*export the model again"):
        EmotionModel(Artefact.load(tmp_path / "odd"))
