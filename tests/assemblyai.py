"""A fake AssemblyAI that holds itself and whoever calls it to AssemblyAI's own OpenAPI document.

It runs in the process of a test (``fake.transport()``), as a server in a thread (``served(fake)``), or on its own
(``python -m tests.assemblyai --port 9000``). Faults are planned for each operation and used up in their order.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import socket
import threading
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import jsonschema
import uvicorn
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY: Final = "fake-key"
DOCUMENT: Final = Path(__file__).resolve().parents[2] / "shared" / "assemblyai" / "openapi.json"
DELETED_URL: Final = "http://deleted_by_user"
STUCK: Final = "queued for ever"

# Who speaks (the channel where they are apart) and what they say.
SCRIPT: Final = (
    (1, "Good morning, I have been waiting for my refund for three weeks now."),
    (2, "I am sorry to hear that. Let me look into it right away."),
    (1, "This is really not acceptable, I want my money back."),
    (2, "I understand. The refund will be with you tomorrow."),
)

Sender = Callable[[str, dict[str, str], dict[str, str]], Awaitable[int]]


class Operation(StrEnum):
    """An operation of the document, by its ``operationId``."""

    upload = "uploadFile"
    create = "createTranscript"
    list = "listTranscripts"
    get = "getTranscript"
    delete = "deleteTranscript"


@dataclass(frozen=True)
class Answer:
    """Nothing is done, and this is said. ``foreign`` answers are none that the document allows."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False


@dataclass(frozen=True)
class Truncated:
    """It is done, and half of the JSON is said."""


@dataclass(frozen=True)
class Lost:
    """It is done, and the connection ends in the middle of the answer."""


@dataclass(frozen=True)
class Slow:
    """It is done, and half of the answer waits for ``event``."""

    event: asyncio.Event


@dataclass(frozen=True)
class Early:
    """The transcript is completed, and the webhook sent, before the order is answered."""


Fault = Answer | Truncated | Lost | Slow | Early


def rejection(status: int, error: str) -> Answer:
    return Answer(status, json.dumps({"error": error}).encode())


TOO_MANY: Final = Answer(429, b'{"error": "Too Many Requests"}', {"Retry-After": "7"})
DOWN: Final = Answer(503)


class Dropped(Exception):  # noqa: N818 (a fault that is meant)
    """What a server raises to end a connection in the middle of an answer."""


@dataclass(frozen=True)
class Line:
    """What is said from when until when; a ``voice`` is the number of its channel where they are apart."""

    voice: int
    text: str
    start_ms: int
    end_ms: int


@dataclass
class Upload:
    sha256: str
    size: int


@dataclass
class Order:
    """A transcript. ``outcome`` is how it will end: ``completed``, :data:`STUCK`, or an error message."""

    id: str
    parameters: dict[str, Any]
    created: datetime
    outcome: str
    status: str = "queued"
    deleted: bool = False
    webhook_status: int | None = None

    @property
    def stuck(self) -> bool:
        return self.outcome == STUCK


class Contract:
    """Checks against the OpenAPI 3.1 document; raises ``jsonschema.ValidationError``."""

    def __init__(self, document: dict[str, Any]) -> None:
        document = deepcopy(document)
        schemas = document["components"]["schemas"]
        # Both halves of this allOf forbid what the other half allows, so that to the letter nothing is valid.
        own, options = schemas["TranscriptParams"]["allOf"][0], schemas["TranscriptOptionalParams"]
        schemas["TranscriptParams"] = {
            **options,
            "properties": options["properties"] | own["properties"],
            "required": options["required"] + own["required"],
        }
        self._document = document
        self._registry = Registry().with_resource("urn:api", DRAFT202012.create_resource(document))
        self._formats = jsonschema.FormatChecker(("uuid", "date"))
        self._formats.checks("url")(_is_url)
        self._operations = {
            operation["operationId"]: operation
            for path in document["paths"].values()
            for operation in path.values()
            if isinstance(operation, dict)
        }

    def check_query(self, operation: Operation, query: Mapping[str, str]) -> None:
        schemas = {item["name"]: item["schema"] for item in self._operations[operation].get("parameters", ())}
        for name, value in query.items():
            if name not in schemas:
                raise jsonschema.ValidationError(f"{operation} has no parameter {name}")
            self.check(schemas[name], int(value) if schemas[name].get("type") == "integer" else value)

    def check_answer(self, operation: Operation, status: int, body: bytes) -> None:
        response = self._operations[operation]["responses"][str(status)]
        if "$ref" in response:
            response = self._document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        if "content" in response:
            self.check(response["content"]["application/json"]["schema"], json.loads(body))
        elif body:
            raise jsonschema.ValidationError(f"{operation} has no body with status {status}")

    def check(self, schema: dict[str, Any], value: object) -> None:
        if "$ref" in schema:
            schema = {**schema, "$ref": f"urn:api{schema['$ref']}"}
        jsonschema.Draft202012Validator(schema, registry=self._registry, format_checker=self._formats).validate(value)

    def check_named(self, name: str, value: object) -> None:
        self.check({"$ref": f"#/components/schemas/{name}"}, value)


def _is_url(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


class FakeAssemblyAI:
    """AssemblyAI's state, and the application that shows it.

    A transcript moves on each time that it is looked at: queued, processing, completed. With ``seconds`` it is
    completed that long after it was ordered instead. The webhook follows where there is a ``sender``, which posts a
    JSON object and returns the status that it met.

    Attributes:
        lines: what is heard in every recording, in its order.
        uploads: upload address -> what was sent.
        orders: transcript id -> order, in the order of their arrival.
        ordered: upload address -> how often it was ordered.
        webhooks: analysis' webhook address, headers and body, in the order in which they were sent.
        violations: what callers did that the document does not allow.
    """

    def __init__(
        self,
        sender: Sender | None = None,
        *,
        key: str = KEY,
        seconds: float | None = None,
        retry_seconds: float = 0,
        document: Path = DOCUMENT,
    ) -> None:
        self._sender = sender
        self._key = key
        self._seconds = seconds
        self._retry_seconds = retry_seconds
        self._contract = Contract(json.loads(document.read_bytes())) if document.is_file() else None
        self._numbers = itertools.count(1)
        self._faults: dict[Operation, deque[Fault | None]] = defaultdict(deque)
        self._outcomes: deque[str] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self.lines: Sequence[Line] = _paced(SCRIPT)
        self.uploads: dict[str, Upload] = {}
        self.orders: dict[str, Order] = {}
        self.ordered: Counter[str] = Counter()
        self.requests: Counter[Operation] = Counter()
        self.webhooks: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.violations: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/v2/upload", self._route(Operation.upload, self._upload), methods=["POST"]),
                Route("/v2/transcript", self._route(Operation.create, self._create), methods=["POST"]),
                Route("/v2/transcript", self._route(Operation.list, self._list), methods=["GET"]),
                Route("/v2/transcript/{id}", self._route(Operation.get, self._get), methods=["GET"]),
                Route("/v2/transcript/{id}", self._route(Operation.delete, self._delete), methods=["DELETE"]),
                Route("/state", self._state),
            ],
            lifespan=self._lifespan,
        )

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Carries requests to it within this process."""
        return _Wire(self.app)

    def plan(self, operation: Operation, *faults: Fault | None) -> None:
        """What the next requests for ``operation`` meet, one each; None is no fault."""
        self._faults[operation] += faults

    def outcome(self, outcome: str) -> None:
        """How the next order ends: :data:`STUCK`, or with this error."""
        self._outcomes.append(outcome)

    async def finish(self, transcript_id: str, *, times: int = 1, secret: str | None = None) -> None:
        """Complete a transcript and send its webhook so many times, with another ``secret`` than it should have."""
        order = self.orders[transcript_id]
        order.status = "completed" if order.outcome in ("completed", STUCK) else "error"
        for _ in range(times):
            await self._notify(order, secret)

    def _route(
        self, operation: Operation, handler: Callable[[Request], Awaitable[JSONResponse]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self.requests[operation] += 1
            if request.headers.get("Authorization") != self._key:
                return self._checked(operation, _error(401, "Authentication error, API token missing/invalid"))
            fault = self._faults[operation].popleft() if self._faults[operation] else None
            if isinstance(fault, Answer):
                response = Response(fault.body, fault.status, fault.headers, "application/json" if fault.body else None)
                return response if fault.foreign else self._checked(operation, response)
            try:
                if self._contract:
                    with _demanded():
                        self._contract.check_query(operation, request.query_params)
                response = self._checked(operation, await handler(request))
            except _Violation as violation:
                self.violations.append(f"{operation}: {violation}")
                return self._checked(operation, _error(400, str(violation)))
            if isinstance(fault, Early):
                await self.finish(json.loads(bytes(response.body))["id"])
            return _spoilt(response, fault)

        return endpoint

    def _checked(self, operation: Operation, response: Response) -> Response:
        if self._contract:
            self._contract.check_answer(operation, response.status_code, bytes(response.body))
        return response

    async def _upload(self, request: Request) -> JSONResponse:
        if self._contract and request.headers.get("Content-Type") not in (None, "application/octet-stream"):
            raise _Violation("an upload is application/octet-stream")
        digest, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
        url = f"https://cdn.assemblyai.com/upload/{self._new_id()}"
        self.uploads[url] = Upload(digest.hexdigest(), size)
        return JSONResponse({"upload_url": url})

    async def _create(self, request: Request) -> JSONResponse:
        parameters = await request.json()
        if self._contract:
            with _demanded():
                self._contract.check_named("TranscriptParams", parameters)
        if parameters.get("multichannel") and parameters.get("speaker_labels"):
            return _error(400, "multichannel and speaker_labels cannot be used together")
        url = parameters["audio_url"]
        if url not in self.uploads:
            return _error(400, "Cannot access uploaded file")
        self.ordered[url] += 1
        outcome = self._outcomes.popleft() if self._outcomes else "completed"
        created = datetime(2026, 1, 1) + timedelta(seconds=next(self._numbers))
        order = Order(self._new_id(), parameters, created, outcome)
        self.orders[order.id] = order
        answer = JSONResponse(self._shown(order))
        if self._seconds is not None and not order.stuck:
            task = asyncio.create_task(self._finish_later(order.id, self._seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answer

    async def _finish_later(self, transcript_id: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.finish(transcript_id)

    async def _get(self, request: Request) -> JSONResponse:
        order = self.orders.get(request.path_params["id"])
        if order is None:
            return _error(404, "Not found")
        answer = JSONResponse(self._shown(order))
        if self._seconds is None and not order.stuck:
            if order.status == "processing":
                await self.finish(order.id)
            elif order.status == "queued":
                order.status = "processing"
        return answer

    async def _list(self, request: Request) -> JSONResponse:
        query = request.query_params
        limit = int(query.get("limit", 10))
        newest = list(reversed(self.orders.values()))
        if "before_id" in query:
            newest = newest[[order.id for order in newest].index(query["before_id"]) + 1 :]
        page = newest[:limit]
        here = str(request.base_url)
        older = f"{here}v2/transcript?limit={limit}&before_id={page[-1].id}" if len(newest) > limit else None
        return JSONResponse(
            {
                "page_details": {
                    "limit": limit,
                    "result_count": len(page),
                    "current_url": str(request.url),
                    "prev_url": older,
                    "next_url": None,
                },
                "transcripts": [
                    {
                        "id": order.id,
                        "resource_url": f"{here}v2/transcript/{order.id}",
                        "status": order.status,
                        "created": order.created.isoformat(),
                        "completed": order.created.isoformat() if order.status == "completed" else None,
                        "audio_url": DELETED_URL if order.deleted else order.parameters["audio_url"],
                        "error": order.outcome if order.status == "error" else None,
                    }
                    for order in page
                ],
            }
        )

    async def _delete(self, request: Request) -> JSONResponse:
        order = self.orders.get(request.path_params["id"])
        if order is None:
            return _error(404, "Not found")
        if order.status in ("queued", "processing"):
            return _error(400, "The transcript is still being processed")
        order.deleted = True
        self.uploads.pop(order.parameters["audio_url"], None)
        return JSONResponse(self._shown(order))

    async def _state(self, _: Request) -> JSONResponse:
        """Not AssemblyAI's: what another process wants to know of this one."""
        return JSONResponse(
            {
                "ordered": self.ordered,
                "kept": [order.id for order in self.orders.values() if not order.deleted],
                "requests": self.requests,
                "violations": self.violations,
            }
        )

    def _shown(self, order: Order) -> dict[str, Any]:
        parameters = order.parameters
        shown: dict[str, Any] = {
            "id": order.id,
            "status": order.status,
            "audio_url": DELETED_URL if order.deleted else parameters["audio_url"],
            "speech_model": None,
            "speech_models": parameters["speech_models"],
            "language_model": "assemblyai_default",
            "acoustic_model": "assemblyai_default",
            "language_code": parameters.get("language_code", "en"),
            "language_detection": parameters.get("language_detection", False),
            "language_confidence": 0.98 if parameters.get("language_detection") else None,
            "language_confidence_threshold": None,
            "multichannel": parameters.get("multichannel"),
            "speaker_labels": parameters.get("speaker_labels"),
            "auto_highlights": False,
            "redact_pii": parameters.get("redact_pii", False),
            "redact_pii_policies": parameters.get("redact_pii_policies"),
            "summarization": False,
            "webhook_url": parameters.get("webhook_url"),
            "webhook_auth": bool(parameters.get("webhook_auth_header_name")),
            "webhook_auth_header_name": parameters.get("webhook_auth_header_name"),
            "webhook_status_code": order.webhook_status,
            "text": None,
            "confidence": None,
            "words": None,
            "utterances": None,
        }
        if order.status == "error":
            shown["error"] = order.outcome
        elif order.deleted:
            shown["text"] = "Deleted by user."
        elif order.status == "completed":
            shown |= _heard(parameters, self.lines)
        return shown

    async def _notify(self, order: Order, secret: str | None) -> None:
        url = order.parameters.get("webhook_url")
        if self._sender is None or url is None:
            return
        headers = {}
        if name := order.parameters.get("webhook_auth_header_name"):
            headers[name] = secret or order.parameters["webhook_auth_header_value"]
        body = {"transcript_id": order.id, "status": order.status}
        if self._contract:
            self._contract.check_named("TranscriptReadyNotification", body)
        # Ten attempts; any 4xx ends them.
        for _ in range(10):
            self.webhooks.append((url, headers, body))
            order.webhook_status = await self._sender(url, headers, body)
            if order.webhook_status < 500:
                return
            await asyncio.sleep(self._retry_seconds)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=next(self._numbers), version=4))

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        for task in self._tasks:
            task.cancel()


class _Violation(Exception):  # noqa: N818 (the fault is the caller's)
    """The caller does what the document does not allow."""


@contextmanager
def _demanded() -> Iterator[None]:
    try:
        yield
    except jsonschema.ValidationError as error:
        raise _Violation(error.message) from error


class _Wire(httpx2.ASGITransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        except Dropped:
            raise httpx2.ReadError("the connection was dropped", request=request) from None


class _DroppedResponse(Response):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})
        raise Dropped


class _SlowResponse(Response):
    event: asyncio.Event

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        half = len(self.body) // 2
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[:half], "more_body": True})
        await self.event.wait()
        await send({"type": "http.response.body", "body": self.body[half:]})


def _spoilt(response: Response, fault: Fault | None) -> Response:
    match fault:
        case Truncated():
            return Response(response.body[: len(response.body) // 2], media_type="application/json")
        case Lost():
            return _DroppedResponse(response.body, media_type="application/json")
        case Slow(event):
            slow = _SlowResponse(response.body, media_type="application/json")
            slow.event = event
            return slow
    return response


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status)


def _paced(script: Sequence[tuple[int, str]]) -> list[Line]:
    """A script whose voices speak one after the other."""
    lines: list[Line] = []
    start = 240
    for voice, text in script:
        end = start + _usual_ms(text)
        lines.append(Line(voice, text, start, end))
        start = end + 460
    return lines


def _usual_ms(text: str) -> int:
    """How long it takes to say: 40 ms a character, and 60 ms between words."""
    words = text.split()
    return sum(40 * len(word) + 60 for word in words) - 60


def _heard(parameters: dict[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """What was said, in the form that was ordered."""
    separate, told_apart = parameters.get("multichannel"), parameters.get("speaker_labels")
    utterances: list[dict[str, Any]] = []
    for line in lines:
        voices = {
            "channel": str(line.voice) if separate else None,
            "speaker": str(line.voice) if separate else "_AB"[line.voice] if told_apart else None,
        }
        pace = (line.end_ms - line.start_ms) / _usual_ms(line.text)
        words: list[dict[str, Any]] = []
        usual = 0
        for word in line.text.split():
            start, end = (line.start_ms + round(pace * at) for at in (usual, usual + 40 * len(word)))
            words.append({"text": word, "start": start, "end": end, "confidence": 0.97, **voices})
            usual += 40 * len(word) + 60
        utterances.append(
            {
                "text": line.text,
                "start": line.start_ms,
                "end": line.end_ms,
                "confidence": 0.97,
                "words": words,
                **voices,
            }
        )
    return {
        "text": " ".join(line.text for line in lines),
        "confidence": 0.97,
        "audio_duration": lines[-1].end_ms // 1000 + 1,
        "speech_model_used": parameters["speech_models"][0],
        "words": [word for utterance in utterances for word in utterance["words"]],
        "utterances": utterances if separate or told_apart else None,
        **({"audio_channels": 2} if separate else {}),
    }


async def post(url: str, headers: dict[str, str], body: dict[str, str]) -> int:
    """A :data:`Sender` over the network; a server that cannot be reached counts as 503."""
    async with httpx2.AsyncClient(timeout=10) as client:
        try:
            return (await client.post(url, headers=headers, json=body)).status_code
        except httpx2.TransportError:
            return 503


@contextmanager
def served(fake: FakeAssemblyAI, port: int = 0) -> Iterator[str]:
    """Its address, while a thread serves it on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        # From here on connections queue, so that nobody has to wait for the thread.
        config = uvicorn.Config(fake.app, log_level="critical", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake AssemblyAI.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--seconds", type=float, default=0.5, help="how long a transcript takes")
    arguments = parser.parse_args()
    fake = FakeAssemblyAI(post, key=arguments.key, seconds=arguments.seconds, retry_seconds=1)
    with served(fake, arguments.port) as address:
        print(address, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
