"""How the service speaks HTTP: as uvicorn does, but it neither waits for ever for the head of a request, nor has more
to do than it can."""

import asyncio
from contextlib import suppress
from typing import Any, ClassVar, Final

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.problems import ProblemResponse
from service.problems import Busy

_COME_AGAIN_S: Final = 5


class Connection(H11Protocol):
    """A connection of uvicorn's that is closed where a request has begun, or never does, and its head does not come.

    h11 bounds a head to 16 KiB; the body is bounded by :mod:`service.api.limits`. Of more connections than ``most``
    those that ask are told to come again, but for the probe that would have the process restarted.
    """

    head_seconds: ClassVar[float] = 20
    most: ClassVar[int] = 900
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        self.app = self._crowded if len(self.connections) > self.most else self.config.loaded_app
        before: Any = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop()
        elif self._head is None and (before is None or before.response_complete):
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    async def _crowded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await self.config.loaded_app(scope, receive, send)
            return
        problem = Busy(
            f"{self.most} connections are open already; come again in {_COME_AGAIN_S} seconds.", _COME_AGAIN_S
        )
        await _received(Headers(scope=scope), receive)
        await ProblemResponse(problem, {**problem.headers, "Connection": "close"})(scope, receive, send)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


async def _received(headers: Headers, receive: Receive) -> None:
    """Take in the body of a request whose connection will be closed, for a while.

    Bytes that nobody has read when a connection is closed have it reset, and the answer lost with it (RFC 9112, 9.6).
    """
    if headers.get("expect", "").lower() == "100-continue":
        return  # the body comes only when it is asked for
    with suppress(TimeoutError):
        async with asyncio.timeout(_COME_AGAIN_S):
            while (await receive()).get("more_body", False):
                pass
