"""Bounds on a request body: its bytes, whether or not it announces its length, and the time it takes to arrive."""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import ProblemResponse
from service.problems import TooLarge


class BodyLimit:
    """ASGI middleware. An announced length is refused at once, an unannounced one where it passes the limit.

    Args:
        app: the application within.
        default: the most bytes in a body.
        paths: the most bytes for a path that differs from the default.
        seconds: how long a body may take.
    """

    def __init__(self, app: ASGIApp, default: int, paths: Mapping[str, int], seconds: float) -> None:
        self.app = app
        self.default = default
        self.paths = paths
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.paths.get(scope["path"], self.default)
        announced = Headers(scope=scope).get("content-length", "0")
        detail = f"The body has more than {limit} bytes; send less, or raise the limit in the service's settings."
        if announced.isdecimal() and int(announced) > limit:
            await ProblemResponse(TooLarge(detail))(scope, receive, send)
            return
        received = 0
        complete = False
        end = asyncio.get_running_loop().time() + self.seconds

        async def counted() -> Message:
            nonlocal received, complete
            try:
                async with asyncio.timeout_at(None if complete else end):
                    message = await receive()
            except TimeoutError:
                late = f"The body was not complete after {self.seconds:g} seconds; send it faster, or in smaller parts."
                # Of all exceptions, FastAPI lets only this one through while it reads a body. The rest is not awaited.
                raise HTTPException(408, late, {"Connection": "close"}) from None
            complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, detail)
            return message

        await self.app(scope, counted, send)
