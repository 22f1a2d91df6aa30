import hashlib
import json

from service.emotions import SENTIMENTS, SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS


def test_every_model_is_listed_with_what_results_carry(client, models_dir):
    models = {model["name"]: model for model in client.get("/models").json()["models"]}
    assert {name: tuple(model["labels"]) for name, model in models.items()} == {
        "voice_activity": (),
        "speech_emotion": SPEECH_EMOTIONS,
        "vocal_burst": VOCAL_BURST_EMOTIONS,
        "text_sentiment": SENTIMENTS,
    }
    for name, model in models.items():
        assert (model["status"], model["reason"]) == ("loaded", None)
        content = (models_dir / name / "model.onnx").read_bytes()
        assert model["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_card_is_answered_as_it_was_shipped(client, models_dir):
    for model in client.get("/models").json()["models"]:
        card = json.loads((models_dir / model["name"] / "card.json").read_text(encoding="utf-8"))
        assert client.get(f"/models/{model['name']}").json() == {**card, "sha256": model["sha256"]}


def test_an_unknown_model(client):
    response = client.get("/models/mind_reading")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/unknown-model"
    assert "speech_emotion" in response.json()["detail"]
