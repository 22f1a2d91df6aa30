"""Fixtures for the whole suite."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import settings as hypothesis_settings

from service.app import create_app
from service.runtime import Ports
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

# The same examples in every run, and no clock: a busy machine is not a failure.
hypothesis_settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis_settings.load_profile("suite")

ClientFactory = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository, which not every checkout has."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the data in {folder}")
    return folder


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The artefacts of the repository. Not to be changed."""
    return ROOT / "onnx_models"


@pytest.fixture(scope="session")
def sample_call() -> Path:
    """Two channels, 8 kHz µ-law, customer and agent."""
    return ROOT / "tests" / "data" / "sample_call.wav"


@pytest.fixture(scope="session")
def settings(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(models_dir=models_dir, data_dir=tmp_path_factory.mktemp("data"))


async def nowhere(host: str, port: int) -> Sequence[str]:
    """A resolver that knows no host, so that no test calls one."""
    raise OSError(f"{host} is not known")


@pytest.fixture(scope="session")
def client_with(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> ClientFactory:
    """Starts the application with some settings changed: ``with client_with(max_channels=1) as client``.

    Each has a database of its own, where nobody else works on its analyses.
    """

    def start(**changes: Any) -> TestClient:
        update = {"data_dir": tmp_path_factory.mktemp("data"), **changes}
        return TestClient(create_app(settings.model_copy(update=update), Ports(resolve=nowhere)))

    return start


@pytest.fixture(scope="session")
def client(client_with: ClientFactory) -> Iterator[TestClient]:
    """The application, started once. An error that it did not foresee is raised in the test."""
    with client_with() as started:
        yield started
