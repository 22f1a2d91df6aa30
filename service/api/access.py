"""Who may ask for what: an API key for everything but probes, documentation, and webhooks with a secret of their own.

RFC 6750 says how a key is sent and refused. This is middleware, so that no body of a stranger is read, and so that what
is not named here needs a key.
"""

from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import RETRY_AFTER, ProblemResponse, responses
from service.problems import InsufficientScope, Problem, TooManyRequests, Unauthorized
from service.runtime import Runtime
from service.security import keys
from service.security.keys import Caller
from service.security.rates import Standing, headers

_PUBLIC: Final = {"/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/problems"}
_PUBLIC_BELOW: Final = ("/problems/", "/static-offline-docs/", "/webhooks/")
_SCOPES: Final = {"GET": keys.Scope.read, "HEAD": keys.Scope.read, "DELETE": keys.Scope.erase}
_METRICS: Final = "/metrics"
_AUDIO: Final = ("POST", "/analyze-audio")
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "As in RFC 6750.", "schema": {"type": "string"}}}
_RATES: Final = {
    name: {"description": "As in draft-ietf-httpapi-ratelimit-headers.", "schema": {"type": "string"}}
    for name in ("RateLimit-Policy", "RateLimit")
}


class Access:
    """ASGI middleware. Puts the :class:`~service.security.keys.Caller` into the state of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_public(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            caller, standings = await _admitted(scope)
        except Problem as problem:
            await ProblemResponse(problem, problem.headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        told = headers(standings)

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self.app(scope, receive, telling if told else send)


def is_public(path: str) -> bool:
    """Whether ``path`` is for everybody."""
    return path in _PUBLIC or path.startswith(_PUBLIC_BELOW)


def needed(method: str, path: str) -> keys.Scope:
    """What a key has to be for."""
    return keys.Scope.metrics if path == _METRICS else _SCOPES.get(method, keys.Scope.analyze)


def secured(openapi: dict[str, Any]) -> dict[str, Any]:
    """``openapi`` with what each operation asks for, and how that is refused."""
    openapi["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `v2v_…` (RFC 6750)."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
    }
    refusals = responses(Unauthorized, InsufficientScope, TooManyRequests)
    del refusals["default"]
    added: dict[int, dict[str, Any]] = {401: _CHALLENGE, 403: _CHALLENGE, 429: {**RETRY_AFTER, **_RATES}}
    for path, operations in openapi["paths"].items():
        if is_public(path):
            continue
        for method, operation in operations.items():
            scope = needed(method.upper(), path)
            operation["security"] = [{"bearer": [scope]}, {"apiKey": [scope]}]
            for status, shown in added.items():
                operation["responses"][str(status)] = {**refusals[status], "headers": shown}
    return openapi


async def _admitted(scope: Scope) -> tuple[Caller, list[Standing]]:
    """Raises: Unauthorized, InsufficientScope, TooManyRequests."""
    service: Runtime = scope["app"].state.service
    method, path = scope["method"], scope["path"]
    caller = await service.keyring.caller(_presented(Headers(scope=scope)))
    if (scope_needed := needed(method, path)) not in caller.scopes:
        held = ", ".join(sorted(caller.scopes))
        raise InsufficientScope(f"This needs a key with the scope {scope_needed}; this one has {held}.", scope_needed)
    return caller, await service.rates.count(caller.key_prefix, audio=(method, path) == _AUDIO)


def _presented(sent: Headers) -> str | None:
    """The key of a request. An Authorization of another scheme is not for us, but perhaps for a proxy on the way."""
    if (key := sent.get("x-api-key")) is not None:
        return key.strip()
    scheme, _, token = sent.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
