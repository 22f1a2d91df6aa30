from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.inference.registry import Registry
from service.settings import Settings
from tests.world import Clock, World, world

WorldFactory = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def load() -> Callable[[Path], Registry]:
    """Loads the models once for all worlds."""
    return cache(Registry.load)


@pytest.fixture
def world_with(
    settings: Settings, tmp_path: Path, load: Callable[[Path], Registry], monkeypatch: pytest.MonkeyPatch
) -> WorldFactory:
    """Starts a world with some settings changed: ``async with world_with(max_channels=1) as world``."""
    monkeypatch.setattr(Registry, "load", load)

    def start(*, clock: Any = None, callers: Any = None, resolve: Any = None, spans: Any = None, **changes: Any) -> Any:
        update = {"data_dir": tmp_path / "data", **changes}
        outside = {"clock": clock, "callers": callers, "resolve": resolve, "spans": spans}
        given = {name: value for name, value in outside.items() if value is not None}
        return world(settings.model_copy(update=update), **given)

    return start


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def call(sample_call: Path) -> bytes:
    """The sample call."""
    return sample_call.read_bytes()


@pytest.fixture(scope="session")
def clip(call: bytes) -> bytes:
    """Its first seconds, where there is little to analyse."""
    return call[:100_000]
