"""A bound on the bytes of a request body, whether or not it announces its length."""

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
    """

    def __init__(self, app: ASGIApp, default: int, paths: Mapping[str, int]) -> None:
        self.app = app
        self.default = default
        self.paths = paths

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

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # Of all exceptions, FastAPI lets only this one through while it reads a body.
                raise HTTPException(413, detail)
            return message

        await self.app(scope, counted, send)
