from pathlib import Path

import pytest

from service.inference.acoustic import AcousticModels
from service.inference.registry import Registry


@pytest.fixture(scope="session")
def models(models_dir: Path) -> AcousticModels:
    """The artefacts of the repository."""
    return Registry.load(models_dir).acoustic("speech_emotion")
