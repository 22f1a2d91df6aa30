"""``python -m tests.examples`` asks the service, with the models it ships, for each example of the OpenAPI document.

The requests are made on the sample call, at a time that stands still unless it is moved, to a fake AssemblyAI: the
answers are the same each time unless the service has changed.
"""

import asyncio
import io
import json
import shutil
import tempfile
import wave
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.lowlevel import checkpoint

from service.api.examples import FOLDER, PROBLEMS
from service.problems import internal_error
from service.security.keyring import Keyring
from service.security.keys import Scope
from service.security.webhooks import Secrets, new_secret
from service.settings import Settings
from tests.world import TRANSCRIBED, World, reply, streamed, world

SAMPLE: Final = Path(__file__).resolve().parent / "data" / "sample_call.wav"
KEY: Final = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'

Request = tuple[str, str, dict[str, Any]]


async def main() -> None:
    async with _world() as service:
        for name, request in _plain().items():
            _write(name, await _success(service, *request))
    async with _world(**TRANSCRIBED, callback_secrets=Secrets({"*": [new_secret(bytes(32))]})) as service:
        await _follow_a_call(service)
    problems = {"internal-error": internal_error().document()}
    async with _world(callers=lambda _: reply(404)) as service:
        for kind, (method, path, body) in _refusals().items():
            problems[kind] = (await service.client.request(method, path, **body)).json()
        problems |= await _refusals_of_what_was_before(service)
    async with _world() as service:
        problems["still-running"] = await _still_running(service)
    async with _world(text_queue=1) as service:
        problems["busy"] = await _busy(service)
    async with _world(requests_per_minute=2) as service:
        problems |= await _refusals_of_keys(service)
    async with _world(body_seconds=0.1) as service:
        problems["too-slow"] = (await service.client.post("/analyze-text", content=_trickle())).json()
    for kind, setting in _LIMITED.items():
        async with _world(**setting) as service:
            problems[kind] = (await service.client.post("/analyze-audio", **_call())).json()
    with tempfile.TemporaryDirectory() as folder:
        models = shutil.copytree(Settings().models_dir, Path(folder) / "models")
        with (models / "burst_encoder" / "card.json").open("a") as card:
            card.write("\n")
        async with _world(models_dir=models) as service:
            problems["not-ready"] = (await service.client.get("/readyz")).json()
    for kind, problem in problems.items():
        if problem.get("type") != f"/problems/{kind}":
            raise SystemExit(f"The request for {kind} met another problem: {problem}")
    _write(PROBLEMS, dict(sorted(problems.items())))
    async with _world() as service:
        _write("list_problems", await _success(service, "GET", "/problems"))
        _write("get_problem", await _success(service, "GET", "/problems/no-file"))


def _call(**fields: Any) -> dict[str, Any]:
    """The form of the sample call."""
    return {
        "files": {"file": (SAMPLE.name, SAMPLE.read_bytes())},
        "data": {"channel_roles": "customer,agent", **fields},
    }


def _silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(bytes(16_000))
    return file.getvalue()


def _plain() -> dict[str, Request]:
    """Operation -> what is asked of a service where nobody transcribes."""
    texts = {"external_id": "ticket-7", "texts": ["The app is great. But I have waited for three weeks!"]}
    return {
        "analyze_audio": ("POST", "/analyze-audio", _call(external_id="call-42", metadata='{"queue": "billing"}')),
        "analyze_text": ("POST", "/analyze-text", {"json": texts}),
        "list_models": ("GET", "/models", {}),
        "get_model": ("GET", "/models/speech_encoder", {}),
        "healthz": ("GET", "/healthz", {}),
        "readyz": ("GET", "/readyz", {}),
    }


async def _follow_a_call(service: World) -> None:
    """A call until its words are there, and another whose words never come."""
    callback = {"callback_url": "https://crm.example.com/hooks"}
    call = _call(external_id="call-42", metadata='{"queue": "billing"}', **callback)
    begun = await _success(service, "POST", "/analyze-audio", call)
    _write("analyze_audio_202", begun)
    path = f"/analyses/{begun['id']}"
    service.callers.handler = lambda _: reply(503)
    await service.passes()
    service.callers.handler = lambda _: reply()
    async with streamed(service.app, f"{path}/events") as stream:
        events = [await stream.event()]
        for _ in range(4):
            await service.passes(3)
        while (event := await stream.event()) is not None:
            events[1:] = [event]  # those between may or may not be told
    (FOLDER / "follow_analysis.txt").write_text("".join(f"{event}\n\n" for event in events), encoding="utf-8")
    _write("get_analysis", await _success(service, "GET", path))
    _write("list_callbacks", await _success(service, "GET", f"{path}/callbacks"))
    await service.passes(3600)
    _write("redeliver_callbacks", await _success(service, "POST", f"{path}/callbacks/redeliver"))

    service.assemblyai.outcome("Transcoding failed. File does not appear to contain audio.")
    other = f"/analyses/{(await _success(service, 'POST', '/analyze-audio', _call(external_id='call-43')))['id']}"
    for _ in range(4):
        await service.passes(3)
    _write("list_analyses", await _success(service, "GET", "/analyses?limit=1"))
    _write("retry_analysis", await _success(service, "POST", f"{other}/retry"))
    await service.passes()
    await _success(service, "DELETE", other)
    for transcript_id in service.assemblyai.orders:
        await service.assemblyai.finish(transcript_id)
    await service.passes(60)
    _write("delete_analysis", await _success(service, "DELETE", other))
    _write("delete_analyses", await _success(service, "DELETE", "/analyses?external_id=call-42"))


def _refusals() -> dict[str, Request]:
    """Problem type -> a request that meets it."""
    audio = ("POST", "/analyze-audio")
    return {
        "bad-request": (
            "POST",
            "/analyze-text",
            {"content": "{", "headers": {"content-type": "application/json"}},
        ),
        "invalid-request": ("POST", "/analyze-text", {"json": {"texts": ["Fine.", ""]}}),
        "unknown-field": (*audio, _call(chanel_roles="agent")),
        "no-file": (*audio, {"data": {"external_id": "call-42"}}),
        "wrong-role-count": (*audio, _call(channel_roles="customer")),
        "no-speech": (*audio, {"files": {"file": ("silence.wav", _silence())}}),
        "empty-file": (*audio, {"files": {"file": ("call.wav", b"")}}),
        "not-audio": (*audio, {"files": {"file": ("call.wav", b"This is no audio.")}}),
        "unknown-model": (*audio, _call(model="speech_encoders")),
        "unsupported-media-type": (*audio, {"content": b"RIFF", "headers": {"content-type": "audio/wav"}}),
        "malformed-idempotency-key": (*audio, {**_call(), "headers": {"Idempotency-Key": KEY.strip('"')}}),
        "refused-url": (*audio, {"json": {"audio_url": "https://10.0.0.5/call.wav"}}),
        "unfetchable-audio": (*audio, {"json": {"audio_url": "https://crm.example.com/call.wav"}}),
        "unknown-analysis": ("GET", "/analyses/an_01kg9h1s00zzzzzzzzzzzzzzzz", {}),
        "refused-webhook": (
            "POST",
            "/webhooks/assemblyai/an_01kg9h1s00zzzzzzzzzzzzzzzz",
            {"json": {"transcript_id": "5551722-f677-48a6-9287-39c0aafd9ac1", "status": "completed"}},
        ),
        "not-found": ("GET", "/analyse-audio", {}),
        "method-not-allowed": ("GET", "/analyze-audio", {}),
    }


async def _refusals_of_what_was_before(service: World) -> dict[str, Any]:
    key = {"Idempotency-Key": KEY}
    path = f"/analyses/{(await _success(service, 'POST', '/analyze-audio', {**_call(), 'headers': key}))['id']}"
    client = service.client
    reused = await client.post("/analyze-audio", **_call(external_id="call-42"), headers=key)
    retried = await client.post(f"{path}/retry")
    failed = await client.post("/analyze-audio", files={"file": ("call.wav", b"This is no audio.")})
    unlogged = await client.get(failed.headers["location"], params={"format": "hubspot"})
    await _success(service, "DELETE", path)
    return {
        "reused-key": reused.json(),
        "not-retryable": retried.json(),
        "not-completed": unlogged.json(),
        "erased-analysis": (await client.get(path)).json(),
    }


async def _refusals_of_keys(service: World) -> dict[str, Any]:
    runtime = service.service
    keyring = Keyring(runtime.database, runtime.store.ambient, runtime.settings)
    key = {"X-API-Key": await keyring.create("acme", [Scope.read], None)}
    return {
        "unauthorized": (await service.client.get("/analyses")).json(),
        "insufficient-scope": (await service.client.post("/analyze-text", headers=key)).json(),
        "too-many-requests": [await service.client.get("/analyses", headers=key) for _ in range(3)][-1].json(),
    }


async def _trickle() -> AsyncIterator[bytes]:
    yield b'{"text": '
    await anyio.sleep_forever()


async def _still_running(service: World) -> Any:
    """The problem of a request that is sent again while the first one waits for its turn."""
    request = {**_call(), "headers": {"Idempotency-Key": KEY}}
    waiting = service.service.limiter.statistics
    return await _sent_while(service, lambda: waiting().tasks_waiting > 0, "/analyze-audio", request)


async def _busy(service: World) -> Any:
    """The problem of a text that finds another one waiting where there is room for no more."""
    text = {"json": {"text": "I have waited for three weeks."}}
    return await _sent_while(service, lambda: service.service.texts.waiting > 0, "/analyze-text", text)


async def _sent_while(service: World, waits: Callable[[], bool], path: str, request: dict[str, Any]) -> Any:
    """The answer to a request that is sent again while the first one ``waits``, as there is other work."""
    limiter = service.service.limiter
    places = [object() for _ in range(int(limiter.total_tokens))]
    for place in places:
        await limiter.acquire_on_behalf_of(place)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_success, service, "POST", path, request)
        while not waits():
            await checkpoint()
        again = await service.client.post(path, **request)
        for place in places:
            limiter.release_on_behalf_of(place)
    return again.json()


# Problem type -> the setting with which the sample call meets it.
_LIMITED: Final[Mapping[str, Mapping[str, Any]]] = {
    "too-large": {"max_upload_bytes": 100_000},
    "too-long": {"max_audio_seconds": 5},
    "too-many-channels": {"max_channels": 1},
}


@asynccontextmanager
async def _world(callers: Any = lambda _: reply(), **settings: Any) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Settings(data_dir=Path(folder), **settings), callers=callers) as service:
            yield service


async def _success(service: World, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return (await service.client.request(method, path, **body or {})).raise_for_status().json()


def _write(name: str, answer: Any) -> None:
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
