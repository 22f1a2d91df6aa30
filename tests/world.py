"""The service in the process of a test, which decides what time it is, what is random and who is outside."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import httpx2
from anyio.lowlevel import checkpoint
from fastapi import FastAPI
from opentelemetry.sdk.trace.export import SpanExporter
from pydantic import SecretStr
from sqlalchemy import func, or_, select

from service.analyses.ambient import Ambient
from service.analyses.rows import Analysis, Base, Callback, TranscriptOrder
from service.app import create_app
from service.runtime import Ports, Runtime
from service.security.outgoing import Resolver
from service.settings import Settings
from tests.assemblyai import KEY, FakeAssemblyAI
from tests.service.security.endpoints import PUBLIC, Chunks, Names, Recorder

START: Final = 1_769_846_400_000  # 2026-01-31, 08:00 UTC
PUBLIC_URL: Final = "https://emotions.example.com"
TRANSCRIBED: Final = {"assemblyai_api_key": SecretStr(KEY)}
"""Settings with which calls are transcribed."""


@dataclass
class Clock:
    """Stands still until it is moved."""

    ms: int = START

    def __call__(self) -> int:
        return self.ms


@dataclass(frozen=True, slots=True)
class Counting(Ambient):
    """Ids of each kind are numbered, and chance always comes out the same."""

    entropy: Callable[[int], bytes] = bytes
    used: Counter[str] = field(default_factory=Counter)

    def new_id(self, prefix: str) -> str:
        self.used[prefix] += 1
        number = self.used[prefix].to_bytes(10)
        return Ambient(self.now, lambda _: number).new_id(prefix)


def reply(status: int = 200, body: bytes = b"", **headers: str) -> httpx2.Response:
    """What somebody outside answers, not read yet; underscores in the names of ``headers`` stand for hyphens."""
    return httpx2.Response(status, headers={n.replace("_", "-"): v for n, v in headers.items()}, stream=Chunks(body))


@dataclass
class World:
    """A service that runs, and what is around it.

    Attributes:
        client: asks the service.
        callers: answers the requests to addresses that callers gave.
    """

    app: FastAPI
    client: httpx2.AsyncClient
    clock: Clock
    assemblyai: FakeAssemblyAI
    callers: Recorder

    @property
    def service(self) -> Runtime:
        service: Runtime = self.app.state.service
        return service

    async def passes(self, seconds: float = 0) -> None:
        """Move the clock, and return when nothing is left to do at that time."""
        self.clock.ms += round(1000 * seconds)
        tasks = self.service.tasks
        with anyio.fail_after(60):
            while await self._busy():
                await tasks.sweep()
                await checkpoint()
                await tasks.drain(30)

    async def count(self, rows: type[Base]) -> int:
        async with self.service.database.reading() as session:
            return (await session.execute(select(func.count()).select_from(rows))).scalar_one()

    async def _busy(self) -> bool:
        """Whether something is due or worked on."""
        async with self.service.database.reading() as session:
            for rows in (Analysis, Callback, TranscriptOrder):
                busy = or_(rows.run_after <= self.clock(), rows.lease.is_not(None))
                if (await session.execute(select(rows.run_after).where(busy).limit(1))).first():
                    return True
        return False


@asynccontextmanager
async def world(
    settings: Settings,
    *,
    clock: Clock | None = None,
    callers: Callable[[httpx2.Request], httpx2.Response] = lambda _: reply(),
    resolve: Resolver | None = None,
    spans: SpanExporter | None = None,
) -> AsyncIterator[World]:
    """A world in which every name leads to a public address."""
    clock = clock or Clock()

    async def webhook(url: str, headers: dict[str, str], body: dict[str, str]) -> int:
        response = await client.post(url.removeprefix(PUBLIC_URL), headers=headers, json=body)
        return response.status_code

    assemblyai = FakeAssemblyAI(webhook)
    recorder = Recorder(callers)
    ports = Ports(Counting(clock), assemblyai.transport(), recorder, resolve or Names([PUBLIC]), spans)
    app = create_app(settings, ports)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service") as client,
    ):
        yield World(app, client, clock, assemblyai, recorder)


class Stream:
    """An answer that is read while it is made."""

    def __init__(self, messages: AsyncIterator[MutableMapping[str, Any]]) -> None:
        self._messages = messages
        self._rest = ""

    async def event(self) -> str | None:
        """The lines of the next server-sent event; None at the end."""
        while "\n\n" not in self._rest:
            message = await anext(self._messages)
            if not message.get("more_body", False):
                return None
            self._rest += message["body"].decode()
        block, _, self._rest = self._rest.partition("\n\n")
        return block


@asynccontextmanager
async def streamed(app: FastAPI, path: str) -> AsyncIterator[Stream]:
    """GET ``path``; at the end the connection is closed."""
    send, receive = anyio.create_memory_object_stream[MutableMapping[str, Any]](100)
    closed = asyncio.Event()
    said = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def request() -> MutableMapping[str, Any]:
        if (message := next(said, None)) is not None:
            return message
        await closed.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "server": ("service", 80),
        "client": ("127.0.0.1", 1),
    }
    async with send, receive, anyio.create_task_group() as tasks:
        tasks.start_soon(app, scope, request, send.send)
        start = await receive.receive()
        assert start["status"] == 200
        yield Stream(receive)
        closed.set()
