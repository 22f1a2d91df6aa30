"""Every error as ``application/problem+json`` (RFC 9457), FastAPI's and Starlette's own included."""

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Route

from service.problems import Busy, InvalidRequest, Problem, TooLarge, TooSlow, UnknownField, internal_error

MEDIA_TYPE: Final = "application/problem+json"
_MOST_ERRORS: Final = 20

RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer"}}
}
"""How a response with that header is described."""


class BadRequest(Problem):
    status = 400
    type = "bad-request"
    title = "The request cannot be read"


class NotFound(Problem):
    status = 404
    type = "not-found"
    title = "There is nothing here"


class MethodNotAllowed(Problem):
    status = 405
    type = "method-not-allowed"
    title = "The method is not allowed here"


class UnsupportedMediaType(Problem):
    status = 415
    type = "unsupported-media-type"
    title = "The body is of the wrong media type"


class ProblemResponse(JSONResponse):
    """``problem`` as a response."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.document(), problem.status, headers)

    def render(self, content: Any) -> bytes:
        # A name that the caller sent may hold half a surrogate pair, which this leaves as JSON's own escape.
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


def kinds(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every problem type, parents first."""
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def responses(*expected: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer with ``expected``, its examples to be filled in."""
    documented: dict[int | str, dict[str, Any]] = {}
    every: tuple[type[Problem], ...] = (*expected, Problem)
    for kind in every:
        response = documented.setdefault(
            "default" if kind is Problem else kind.status,
            {
                "description": "Any other error" if kind is Problem else HTTPStatus(kind.status).phrase,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}, "examples": {}}},
            },
        )
        response["content"][MEDIA_TYPE]["examples"][kind.type] = {"summary": kind.title}
        if kind is Busy:
            response["headers"] = RETRY_AFTER
    return documented


def from_validation(errors: Sequence[Any]) -> Problem:
    """The problem for pydantic's ``errors``, whose locations start at the body."""
    fields: list[dict[str, str]] = []
    for error in errors:
        context = error.get("ctx", {})
        detail = str(context["error"]) if error["type"] == "value_error" else error["msg"]
        names = context["unknown"] if error["type"] == "unknown_field" else [".".join(map(str, error["loc"]))]
        fields += ({"field": name, "detail": detail} for name in names)
    shown = fields[:_MOST_ERRORS]
    detail = "; ".join(": ".join(filter(None, error.values())) for error in shown) + "."
    kind = UnknownField if any(error["type"] == "unknown_field" for error in errors) else InvalidRequest
    return kind(detail, errors=shown)


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make ``app`` answer every error with a problem document, but for those that nobody foresaw
    (:mod:`service.api.observed`). ``routes`` are all that ``app`` has."""

    @app.exception_handler(Problem)
    async def on_problem(_: Request, problem: Problem) -> ProblemResponse:
        return ProblemResponse(problem, problem.headers)

    @app.exception_handler(RequestValidationError)
    async def on_validation_error(_: Request, error: RequestValidationError) -> ProblemResponse:
        return ProblemResponse(_from_fastapi(error))

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, error: HTTPException) -> ProblemResponse:
        if error.status_code == 405:
            allowed = _allowed(request, routes)
            problem = MethodNotAllowed(f"{request.method} is not allowed at {request.url.path}; use {allowed}.")
            return ProblemResponse(problem, {"Allow": allowed})
        return ProblemResponse(_from_http(request, error), error.headers)

    @app.exception_handler(ClientDisconnect)
    async def on_disconnect(_request: Request, _error: ClientDisconnect) -> ProblemResponse:
        return ProblemResponse(BadRequest("The connection was closed before the body was complete."))


def _from_fastapi(error: RequestValidationError) -> Problem:
    errors = error.errors()
    first = errors[0]
    if first["type"] == "json_invalid":
        return BadRequest(f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][1]}.")
    if tuple(first["loc"]) == ("body",) and first["type"] != "value_error" and first["type"] != "unknown_field":
        return InvalidRequest("Send a JSON object as the body, with Content-Type: application/json.")
    # FastAPI puts "body", "path" or "query" before the location in it.
    return from_validation([{**item, "loc": item["loc"][1:]} for item in errors])


def _from_http(request: Request, error: HTTPException) -> Problem:
    match error.status_code:
        case 400:
            return BadRequest(str(error.detail))
        case 404:
            return NotFound(f"There is nothing at {request.url.path}; GET /docs shows what there is.")
        case 408:
            return TooSlow(str(error.detail))
        case 413:
            return TooLarge(str(error.detail))
    return internal_error()


def _allowed(request: Request, routes: Sequence[BaseRoute]) -> str:
    """What an Allow header holds (RFC 9110, 10.2.1): the methods of all routes of the path, not of the first alone."""
    there = [
        route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return ", ".join(sorted({method for route in there for method in route.methods or ()}))
