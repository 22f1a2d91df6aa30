"""What is told of each request: a log line, a measurement and a span; and an error that nobody foresaw is answered.

None of them holds more of the address than the template of its route, nor who asked.
"""

import logging
import re
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import ProblemResponse
from service.observability import logs
from service.observability.traces import Kind, Span
from service.problems import internal_error
from service.runtime import Runtime

logger = logging.getLogger(__name__)

REQUEST_ID: Final = "X-Request-ID"
UNKNOWN_ROUTE: Final = "other"

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES: Final = {"/healthz", "/readyz", "/metrics"}
# As nginx says that the client was gone before there was an answer.
_GONE: Final = 499


class Observed:
    """ASGI middleware, the outermost.

    A request keeps the ``X-Request-ID`` that it comes with if that is well-formed (8 to 64 letters, digits, dots,
    hyphens and underscores), else it gets one; its answer has it too.
    """

    def __init__(self, app: ASGIApp, new_id: Callable[[str], str], routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self._new_id = new_id
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        service: Runtime = scope["app"].state.service
        sent = Headers(scope=scope)
        request_id = sent.get(REQUEST_ID, "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = self._new_id("req")
        logs.of_request(request_id)
        began = perf_counter()
        status: int | None = None

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with service.tracer.span("request", Kind.server, sent.get("traceparent")) as span:
            try:
                await self.app(scope, receive, named)
            except Exception:
                if status is None:
                    await ProblemResponse(internal_error())(scope, receive, named)
                raise  # whoever serves this writes it to the log
            finally:
                route = _route(scope, self._routes)
                method = scope["method"] if scope["method"] in _METHODS else "other"
                _tell(service, span, method, route, status or _GONE, perf_counter() - began)


def _tell(service: Runtime, span: Span, method: str, route: str, status: int, seconds: float) -> None:
    service.metrics.answered(method, route, status, seconds)
    span.name(f"{method} {route}")
    for name, value in (
        ("http.request.method", method),
        ("http.route", route),
        ("http.response.status_code", status),
    ):
        span.note(name, value)
    if status >= 500:
        span.fail(str(status))
    level = logging.DEBUG if route in _PROBES else logging.INFO
    fields = {"method": method, "route": route, "status": status, "duration_ms": round(1000 * seconds, 1)}
    logger.log(level, "%s %s %d", method, route, status, extra={"fields": fields})


def _route(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """The template of the path, also where the request was refused before its route was found."""
    if path := getattr(scope.get("route"), "path", None):
        return str(path)
    found = (route.path for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE)
    return next(found, UNKNOWN_ROUTE)
