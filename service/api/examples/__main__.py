"""Ask the service, with the models it ships, for each example of the OpenAPI document and store the answers.

Needs the development extra. The requests are made on ``tests/data/sample_call.wav``.
"""

import io
import json
import shutil
import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient

from service.api.examples import FOLDER, PROBLEMS
from service.app import create_app
from service.problems import internal_error
from service.settings import Settings

SAMPLE: Final = Path(__file__).resolve().parents[3] / "tests" / "data" / "sample_call.wav"


def _call(**fields: Any) -> dict[str, Any]:
    """The form of the sample call."""
    return {
        "files": {"file": (SAMPLE.name, SAMPLE.read_bytes())},
        "data": {"channel_roles": "customer,agent", **fields},
    }


def _silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(bytes(16_000))
    return file.getvalue()


def _answers() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Operation -> method, path and body of the request."""
    texts = {"external_id": "ticket-7", "texts": ["The app is great. But I have waited for three weeks!"]}
    return {
        "analyze_audio": (
            "POST",
            "/analyze-audio",
            _call(external_id="call-42", metadata='{"queue": "billing"}'),
        ),
        "analyze_text": ("POST", "/analyze-text", {"json": texts}),
        "list_models": ("GET", "/models", {}),
        "get_model": ("GET", "/models/speech_emotion", {}),
        "healthz": ("GET", "/healthz", {}),
        "readyz": ("GET", "/readyz", {}),
    }


def _refusals() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Problem type -> a request that meets it."""
    audio = ("POST", "/analyze-audio")
    return {
        "bad-request": (
            "POST",
            "/analyze-text",
            {"json": None, "content": "{", "headers": {"content-type": "application/json"}},
        ),
        "invalid-request": ("POST", "/analyze-text", {"json": {"texts": ["Fine.", ""]}}),
        "unknown-field": (*audio, _call(chanel_roles="agent")),
        "no-file": (*audio, {"data": {"external_id": "call-42"}}),
        "wrong-role-count": (*audio, _call(channel_roles="customer")),
        "no-speech": (*audio, {"files": {"file": ("silence.wav", _silence())}}),
        "empty-file": (*audio, {"files": {"file": ("call.wav", b"")}}),
        "not-audio": (*audio, {"files": {"file": ("call.wav", b"This is no audio.")}}),
        "unknown-model": (*audio, _call(model="speech_emotions")),
        "unsupported-media-type": (*audio, {"content": b"RIFF", "headers": {"content-type": "audio/wav"}}),
        "not-found": ("GET", "/analyse-audio", {}),
        "method-not-allowed": ("GET", "/analyze-audio", {}),
    }


# Problem type -> the setting with which the sample call meets it.
_LIMITED: Final[Mapping[str, Mapping[str, Any]]] = {
    "too-large": {"max_upload_bytes": 100_000},
    "too-long": {"max_audio_seconds": 5},
    "too-many-channels": {"max_channels": 1},
}


def main() -> None:
    problems = {"internal-error": internal_error().document()}
    with _client() as client:
        for name, (method, path, body) in _answers().items():
            _write(name, client.request(method, path, **body).raise_for_status().json())
        for kind, (method, path, body) in _refusals().items():
            problems[kind] = client.request(method, path, **body).json()
    for kind, setting in _LIMITED.items():
        with _client(**setting) as client:
            problems[kind] = client.post("/analyze-audio", **_call()).json()
    with tempfile.TemporaryDirectory() as folder:
        models = shutil.copytree(Settings().models_dir, Path(folder) / "models")
        with (models / "vocal_burst" / "card.json").open("a") as card:
            card.write("\n")
        with _client(models_dir=models) as client:
            problems["not-ready"] = client.get("/readyz").json()
    for kind, problem in problems.items():
        if problem.get("type") != f"/problems/{kind}":
            raise SystemExit(f"The request for {kind} met another problem: {problem}")
    _write(PROBLEMS, dict(sorted(problems.items())))
    with _client() as client:
        _write("list_problems", client.get("/problems").raise_for_status().json())
        _write("get_problem", client.get("/problems/no-file").raise_for_status().json())


def _client(**settings: Any) -> TestClient:
    return TestClient(create_app(Settings(**settings)))


def _write(name: str, answer: Any) -> None:
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
