from pathlib import Path

import pytest

from service.inference.acoustic import AcousticModels
from service.inference.registry import Registry


@pytest.fixture(scope="session")
def models(models_dir: Path) -> AcousticModels:
    """The shipped voice activity beside doubles of the emotion models."""
    return Registry.load(models_dir).acoustic("speech_emotion")


@pytest.fixture(scope="session")
def shipped_models(onnx_models: Path) -> AcousticModels:
    """The artefacts of the repository."""
    if not (onnx_models / "speech_emotion").is_dir() or not (onnx_models / "vocal_burst").is_dir():
        pytest.skip("the emotion models are not exported yet")
    return Registry.load(onnx_models).acoustic("speech_emotion")
