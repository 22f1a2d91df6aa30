from pathlib import Path

import pytest

from service.audio.vad import VoiceActivity
from service.inference.artefacts import Artefact


@pytest.fixture(scope="session")
def voice_activity(onnx_models: Path) -> VoiceActivity:
    """The shipped network."""
    return VoiceActivity(Artefact.load(onnx_models / "voice_activity"))
