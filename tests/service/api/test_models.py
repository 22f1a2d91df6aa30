import hashlib
import json

from service.emotions import GOEMOTIONS, SENTIMENTS, SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS


def test_every_model_is_listed_with_what_results_carry(client, models_dir):
    models = {model["name"]: model for model in client.get("/models").json()["models"]}
    assert {name: model["labels"] for name, model in models.items() if model["status"] != "available"} == {
        "voice_activity": {},
        "speech_encoder": {"emotion": list(SPEECH_EMOTIONS)},
        "burst_encoder": {"emotion": list(VOCAL_BURST_EMOTIONS)},
        "text_minilm": {"sentiment": list(SENTIMENTS), "emotion": list(GOEMOTIONS)},
    }
    for name, model in models.items():
        assert model["reason"] is None
        if model["status"] == "available":
            assert (model["version"], model["sha256"]) == (None, None)
            continue
        assert model["status"] == "loaded"
        content = (models_dir / name / "model.onnx").read_bytes()
        assert model["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_card_is_answered_as_it_was_shipped(client, models_dir):
    loaded = [model for model in client.get("/models").json()["models"] if model["status"] == "loaded"]
    for model in loaded:
        card = json.loads((models_dir / model["name"] / "card.json").read_text(encoding="utf-8"))
        assert client.get(f"/models/{model['name']}").json() == {**card, "sha256": model["sha256"]}


def test_an_unknown_model(client):
    response = client.get("/models/mind_reading")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/unknown-model"
    assert "speech_encoder" in response.json()["detail"]
