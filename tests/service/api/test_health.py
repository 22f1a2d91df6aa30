import shutil

import pytest

from tests.doubles import write_emotion_model


def test_green(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.fixture
def folder(models_dir, tmp_path):
    return shutil.copytree(models_dir, tmp_path / "models")


def test_a_tampered_artefact_keeps_the_service_from_being_ready(client_with, folder, sample_call):
    with (folder / "burst_encoder" / "model.onnx").open("ab") as model:
        model.write(b"x")
    with client_with(models_dir=folder) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.headers["content-type"] == "application/problem+json"
        problem = ready.json()
        assert problem["type"] == "/problems/not-ready"
        assert problem["errors"] == [
            {
                "field": "burst_encoder",
                "detail": "burst_encoder/model.onnx does not have the hash that SHA256SUMS gives; "
                "restore the file or export the model again",
            }
        ]
        assert client.get("/healthz").status_code == 200
        audio = client.post("/analyze-audio", files={"file": sample_call.read_bytes()})
        assert (audio.status_code, audio.json()["type"]) == (503, "/problems/not-ready")
        assert client.post("/analyze-text", json={"text": "Still here."}).status_code == 200
        models = {model["name"]: model for model in client.get("/models").json()["models"]}
        assert models["burst_encoder"]["status"] == "failed"
        assert models["burst_encoder"]["reason"] == problem["errors"][0]["detail"]
        assert models["text_minilm"]["status"] == "loaded"


def test_a_mismatched_artefact_keeps_the_service_from_being_ready(client_with, folder):
    write_emotion_model(folder / "speech_encoder", ("happy", "sad"))
    with client_with(models_dir=folder) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert [error["field"] for error in ready.json()["errors"]] == ["speech_encoder"]


def test_where_the_models_lie_is_not_told(client_with, tmp_path):
    with client_with(models_dir=tmp_path / "nowhere") as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert str(tmp_path) not in ready.text
