from pathlib import Path

import pytest

from service.audio.vad import VoiceActivity
from service.inference.artefacts import Artefact


@pytest.fixture(scope="session")
def voice_activity(models_dir: Path) -> VoiceActivity:
    """The shipped network."""
    return VoiceActivity(Artefact.load(models_dir / "voice_activity"))
