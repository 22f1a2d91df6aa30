"""AssemblyAI for the tests of its client: a fake in this process, and orders to give it."""

import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from service.transcription import Order, Request, Transcript, Waiting
from service.transcription.assemblyai import AssemblyAI
from tests.assemblyai import KEY, FakeAssemblyAI, Sender

NOW = 1_800_000_000.0

ProviderFactory = Callable[..., AssemblyAI]
Drive = Callable[..., Awaitable[tuple[Transcript, list[Waiting]]]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sender() -> Sender | None:
    """What sends the webhooks of ``fake``."""
    return None


@pytest.fixture
def fake(sender: Sender | None) -> Iterator[FakeAssemblyAI]:
    """An AssemblyAI that nobody has ordered from yet. At the end nobody may have broken its rules."""
    started = FakeAssemblyAI(sender)
    yield started
    assert started.violations == []


@pytest.fixture
def provider_with() -> ProviderFactory:
    """Makes the client: ``provider_with(transport, redact_pii=True)``."""

    def make(transport: httpx2.AsyncBaseTransport | None, **changes: Any) -> AssemblyAI:
        settings: dict[str, Any] = {
            "api_key": SecretStr(KEY),
            "base_url": "https://api.assemblyai.com",
            "speech_models": ("universal-3-pro", "universal-2"),
            "redact_pii": False,
            "public_url": "",
            "clock": lambda: NOW,
        }
        return AssemblyAI(transport=transport, **{**settings, **changes})

    return make


@pytest.fixture
def provider(fake: FakeAssemblyAI, provider_with: ProviderFactory) -> AssemblyAI:
    """The client of ``fake``."""
    return provider_with(fake.transport())


@pytest.fixture
def request_with() -> Callable[..., Request]:
    """Makes what is asked of a provider: ``request_with(separate=True)``."""

    def make(audio: bytes = b"RIFF", **changes: Any) -> Request:
        request: dict[str, Any] = {
            "analysis_id": "an_1",
            "open": lambda: io.BytesIO(audio),
            "separate": False,
            "language": None,
        }
        return Request(**{**request, **changes})

    return make


@pytest.fixture
def drive() -> Drive:
    """Calls a provider until it has the transcript; returns that and each answer on the way."""

    async def run(
        provider: AssemblyAI,
        request: Request,
        order: Order = Order(),  # noqa: B008 (it is frozen)
    ) -> tuple[Transcript, list[Waiting]]:
        waits: list[Waiting] = []
        while isinstance(answer := await provider.advance(request, waits[-1].order if waits else order), Waiting):
            waits.append(answer)
            assert len(waits) < 20
        return answer, waits

    return run
