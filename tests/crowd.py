"""``make chaos``, its second half: a service meets a crowd, and then more work than it can do.

The crowd sends good, bad, slow and dropped requests at once, the same ones in every run; the service has to answer
each as it should and to stay as it was. Then texts and calls come for minutes at twice the rate at which they were
answered before; what is accepted has to be done, and the rest to be told when to come again. Meanwhile a process of
its own asks for ``/healthz``.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import httpx2
import numpy as np

from tests import fuzz_decode
from tests.chaos import Report, calls
from tests.servers import free_port
from tests.system import ROOT, Process, rows, started, until

MEASURED: Final = ROOT / "docs/measured/chaos.json"
HEALTH_MS: Final = 100
TEXT_SECONDS: Final = 60
_PROBE_SECONDS: Final = 0.05
_BUSY: Final = (429, 503)
_BATCH: Final = 40
_GUESTS: Final = 16
_SENTENCES: Final = (
    "I have waited for three weeks and nobody called me back.",
    "Thank you, that was quick and very friendly!",
    "The second invoice is wrong again, I really do not understand it.",
    "Could you tell me when the engineer will come?",
)


@dataclass
class Crowd:
    """Who sends requests, and what came of them.

    Attributes:
        accepted: the ids of analyses that were accepted and not erased.
        outcomes: what was sent -> status, or ``dropped`` -> how often.
        wrong: answers that should not have been.
    """

    client: httpx2.AsyncClient
    host: str
    port: int
    clips: Sequence[bytes]
    broken: Sequence[bytes]
    chance: random.Random
    accepted: set[str] = field(default_factory=set)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def text(self) -> httpx2.Response:
        return await self.client.post("/analyze-text", json={"text": self.chance.choice(_SENTENCES)})

    async def batch(self) -> httpx2.Response:
        return await self.client.post("/analyze-text", json={"texts": [self.chance.choice(_SENTENCES)] * 10})

    async def call(self) -> httpx2.Response:
        prefer = self.chance.choice(("respond-async", "wait=10"))
        return await self._upload(self.chance.choice(self.clips), {"Prefer": prefer})

    async def damaged_call(self) -> httpx2.Response:
        return await self._upload(self.chance.choice(self.broken), {})

    async def read(self) -> httpx2.Response:
        paths = [
            "/analyses?limit=5",
            "/models",
            "/problems",
            *(f"/analyses/{name}" for name in sorted(self.accepted)[:1]),
        ]
        return await self.client.get(self.chance.choice(paths))

    async def erase(self) -> httpx2.Response:
        name = min(self.accepted, default="an_unknown")
        self.accepted.discard(name)
        return await self.client.delete(f"/analyses/{name}")

    async def no_json(self) -> httpx2.Response:
        return await self.client.post(
            "/analyze-text", content=self.chance.randbytes(200), headers={"Content-Type": "application/json"}
        )

    async def unknown(self) -> httpx2.Response:
        method, path = self.chance.choice((("GET", "/nothing"), ("PUT", "/analyses"), ("GET", "/analyses/an_nobody")))
        return await self.client.request(method, path)

    async def unfit(self) -> httpx2.Response:
        return await self.client.post("/analyze-text", json={"text": "", "metadata": "none", "colour": "blue"})

    async def huge(self) -> int:
        return await self._raw(b"POST /analyze-audio HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")

    async def garbage(self) -> int:
        return await self._raw(self.chance.randbytes(300) + b"\r\n\r\n")

    async def drip(self) -> int:
        """A text that comes byte by byte, or nearly so."""
        body = json.dumps({"text": _SENTENCES[0]}).encode()
        head = b"POST /analyze-text HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return await self._raw(
            head % len(body), *(body[start : start + 4] for start in range(0, len(body), 4)), pause=0.1
        )

    async def slow_reader(self) -> int:
        return await self._raw(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", read_pause=0.02)

    async def leave(self) -> None:
        """Hang up in the middle of something."""
        clip = self.chance.choice(self.clips)
        form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + clip + b"\r\n--x--\r\n"
        head = b"POST /analyze-audio HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        whole = head + b"Content-Length: %d\r\n\r\n" % len(form) + form
        follow = f"GET /analyses/{min(self.accepted, default='an_nobody')}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        sent = self.chance.choice((b"", whole[:40], whole[: len(whole) // 2], whole, follow))
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(sent)
        if sent is follow:
            await reader.read(10)
        writer.transport.abort()

    async def _upload(self, clip: bytes, headers: dict[str, str]) -> httpx2.Response:
        answer = await self.client.post("/analyze-audio", files={"file": clip}, headers=headers)
        if answer.status_code in (200, 202):
            self.accepted.add(answer.json()["id"])
        return answer

    async def _raw(self, *parts: bytes, pause: float = 0, read_pause: float = 0) -> int:
        """The status that answers ``parts``."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause)
            status = int((await reader.readline()).split()[1])
            while read_pause and await reader.read(4_096):  # noqa: ASYNC110 - slow on purpose
                await asyncio.sleep(read_pause)
            return status
        finally:
            writer.transport.abort()

    async def one(self) -> None:
        """Send one request, whichever comes next."""
        kind: Kind = self.chance.choices(KINDS, [kind.weight for kind in KINDS])[0]
        try:
            answer = await kind.send(self)
        except (OSError, httpx2.TransportError, IndexError) as error:
            self.wrong.append(f"{kind.name}: {type(error).__name__}: {error}")
            return
        status = answer.status_code if isinstance(answer, httpx2.Response) else answer
        self.outcomes.setdefault(kind.name, Counter())[str(status or "dropped")] += 1
        if status is not None and status not in (*kind.expected, *_BUSY):
            self.wrong.append(f"{kind.name}: {status}")
        if isinstance(answer, httpx2.Response) and status in _BUSY and "retry-after" not in answer.headers:
            self.wrong.append(f"{kind.name}: {status} without Retry-After")


@dataclass(frozen=True)
class Kind:
    """Something that is sent; how often, and how it may be answered."""

    send: Callable[[Crowd], Awaitable[httpx2.Response | int | None]]
    weight: int
    expected: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.send.__name__


KINDS: Final = (
    Kind(Crowd.text, 30, (200,)),
    Kind(Crowd.batch, 5, (200,)),
    Kind(Crowd.call, 6, (200, 202)),
    Kind(Crowd.damaged_call, 5, (200, 202, 400, 413, 415, 422)),
    Kind(Crowd.read, 12, (200, 404, 410)),
    Kind(Crowd.erase, 2, (200, 404)),
    Kind(Crowd.no_json, 6, (400, 422)),
    Kind(Crowd.unknown, 6, (404, 405)),
    Kind(Crowd.unfit, 6, (422,)),
    Kind(Crowd.huge, 3, (413,)),
    Kind(Crowd.garbage, 3, (400,)),
    Kind(Crowd.drip, 4, (200,)),
    Kind(Crowd.slow_reader, 4, (200,)),
    Kind(Crowd.leave, 8),
)


def mixed(folder: Path, requests: int = 10_000, at_once: int = 32, seed: int = 1) -> Report:
    """``requests`` of every kind; the first fifth of them only warms the service up."""
    with service(folder, {}) as (process, url, database):
        settled(database, 120)
        with probed(url) as health:
            began = time.monotonic()
            crowd, before = asyncio.run(_meet(process, url, database, requests, at_once, seed))
            seconds = time.monotonic() - began
        after = process.resident_mb
        lost = _lost(database, crowd.accepted)
    report = Report(
        {
            "requests": sum(counts.total() for counts in crowd.outcomes.values()),
            "seconds": round(seconds),
            "outcomes": {name: dict(sorted(counts.items())) for name, counts in sorted(crowd.outcomes.items())},
            "health checks": len(health),
            "health p50 ms": _percentile(health, 50),
            "health p99 ms": _percentile(health, 99),
            "memory MB after a fifth, and at the end": [round(before), round(after)],
        }
    )
    report.promise(f"each request is answered as it should be: {crowd.wrong[:10]}", not crowd.wrong)
    report.promise("what was accepted has ended", not lost)
    report.promise("nothing fails inside", "Traceback" not in process.tail() and "ERROR" not in process.tail())
    return report


async def _meet(
    process: Process, url: str, database: str, requests: int, at_once: int, seed: int
) -> tuple[Crowd, float]:
    """The crowd after it has sent everything, and the memory that the service held after a fifth of that."""
    files = fuzz_decode.sources()
    async with httpx2.AsyncClient(base_url=url, timeout=120, limits=httpx2.Limits(max_connections=None)) as client:
        host, port = client.base_url.host, client.base_url.port
        assert port is not None
        broken = [fuzz_decode.broken(files, seed, number) for number in range(200)]
        chance = random.Random(seed)  # noqa: S311 - no secret
        crowd = Crowd(client, host, port, list(calls(20, seconds=3, seed=seed)), broken, chance)
        before = 0.0
        for part in (requests // 5, requests - requests // 5):
            left = iter(range(part))

            async def guest(left: Iterator[int] = left) -> None:
                for _ in left:
                    await crowd.one()

            await asyncio.gather(*(guest() for _ in range(at_once)))
            await asyncio.to_thread(settled, database, 120)
            before = before or process.resident_mb
        return crowd, before


@dataclass
class Load:
    """What was offered of one kind, and how it was answered: status and seconds of each."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    unexplained: int = 0
    accepted: set[str] = field(default_factory=set)

    def took(self, *statuses: int) -> list[float]:
        return [seconds for status, seconds in self.answers if status in statuses]

    def figures(self, rate: float) -> dict[str, Any]:
        answered = self.took(200, 202)
        return {
            "offered a second": round(rate, 2),
            "offered": len(self.answers),
            "accepted": len(answered),
            "told to come again": len(self.took(*_BUSY)),
            "p50 s of what was accepted": _percentile(answered, 50),
            "p99 s": _percentile(answered, 99),
            "longest s": round(max(answered, default=0), 2),
        }


def overload(folder: Path, seconds: float = 300, measure_seconds: float = 30) -> Report:
    """Texts and calls at twice the rates at which the service answered them before."""
    settings = {"V2V_AUDIO_QUEUE": "100", "V2V_CONCURRENCY": str(os.cpu_count() or 1)}
    clips = list(calls(20, seconds=10, seed=1))
    with service(folder, settings) as (process, url, database):
        asyncio.run(_capacity(url, clips, 5))
        texts_rate, calls_rate = asyncio.run(_capacity(url, clips, measure_seconds))
        before = process.resident_mb
        with probed(url) as health:
            texts, audio = asyncio.run(_overloaded(url, clips, 2 * texts_rate, 2 * calls_rate, seconds))
        began = time.monotonic()
        ended = settled(database, 300)
        drained = time.monotonic() - began
        lost = _lost(database, audio.accepted)
        after = process.resident_mb
        clean = "Traceback" not in process.tail() and "ERROR" not in process.tail()
    report = Report(
        {
            "seconds": round(seconds),
            f"texts, {_BATCH} in a request": texts.figures(2 * texts_rate),
            "calls of 10 s": audio.figures(2 * calls_rate),
            "seconds until the queue was empty": round(drained),
            "health p50 ms": _percentile(health, 50),
            "health p99 ms": _percentile(health, 99),
            "memory MB before and after": [round(before), round(after)],
        }
    )
    statuses = {status for load in (texts, audio) for status, _ in load.answers}
    report.promise(f"all are accepted, or told that there is too much: {statuses}", statuses <= {200, 202, *_BUSY})
    report.promise("who is told so is told when to come again", not texts.unexplained + audio.unexplained)
    report.promise("some are told so", bool(texts.took(*_BUSY) and audio.took(*_BUSY)))
    report.promise("what was accepted is completed", ended and not lost)
    report.promise("nothing fails inside", clean)
    return report


async def _capacity(url: str, clips: Sequence[bytes], seconds: float) -> tuple[float, float]:
    """How many requests with texts, and how many calls, are answered a second to clients that wait for each answer."""
    async with httpx2.AsyncClient(base_url=url, timeout=120) as client:
        end = time.monotonic() + seconds
        counts = [0, 0]

        async def guest(kind: int, send: Callable[[], Awaitable[httpx2.Response]]) -> None:
            while time.monotonic() < end:
                answer = await send()
                counts[kind] += answer.status_code == 200

        texts = (guest(0, lambda: _texts(client)) for _ in range(_GUESTS))
        audio = (guest(1, lambda n=n: _call(client, clips[n], "wait=60")) for n in range(_GUESTS))  # type: ignore[misc]
        await asyncio.gather(*texts, *audio)
    return counts[0] / seconds, counts[1] / seconds


async def _overloaded(
    url: str, clips: Sequence[bytes], texts_rate: float, calls_rate: float, seconds: float
) -> tuple[Load, Load]:
    loads = Load(), Load()
    async with (
        httpx2.AsyncClient(base_url=url, timeout=300, limits=httpx2.Limits(max_connections=None)) as client,
        asyncio.TaskGroup() as sent,
    ):

        async def one(load: Load, sending: Awaitable[httpx2.Response]) -> None:
            began = time.monotonic()
            answer = await sending
            load.answers.append((answer.status_code, time.monotonic() - began))
            load.unexplained += answer.status_code in _BUSY and "retry-after" not in answer.headers
            if load is loads[1] and answer.status_code in (200, 202):
                load.accepted.add(answer.json()["id"])

        async def offered(rate: float, load: Load, send: Callable[[int], Awaitable[httpx2.Response]]) -> None:
            began = time.monotonic()
            for number in range(round(rate * seconds)):
                await asyncio.sleep(began + number / rate - time.monotonic())
                sent.create_task(one(load, send(number)))

        sent.create_task(offered(texts_rate, loads[0], lambda _: _texts(client)))
        sent.create_task(offered(calls_rate, loads[1], lambda n: _call(client, clips[n % len(clips)], "respond-async")))
    return loads


async def _texts(client: httpx2.AsyncClient) -> httpx2.Response:
    return await client.post(
        "/analyze-text", json={"texts": [2 * text for text in _SENTENCES] * (_BATCH // len(_SENTENCES))}
    )


async def _call(client: httpx2.AsyncClient, clip: bytes, prefer: str) -> httpx2.Response:
    return await client.post("/analyze-audio", files={"file": clip}, headers={"Prefer": prefer})


@contextmanager
def service(folder: Path, settings: dict[str, str]) -> Iterator[tuple[Process, str, str]]:
    """A service with its defaults but for ``settings``, its address, and its database."""
    port = free_port()
    settings = {"V2V_DATA_DIR": str(folder / "data"), "V2V_PORT": str(port), "V2V_LOG_LEVEL": "warning", **settings}
    process = Process("service", ["service"], settings, folder)
    with started(process):
        yield process, f"http://127.0.0.1:{port}", str(folder / "data" / "voice-to-value.db")


@contextmanager
def probed(url: str) -> Iterator[list[float]]:
    """The milliseconds that ``/healthz`` took, in the end; another process asks for it all the time."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    took: list[float] = []
    process = context.Process(target=_probe, args=(url, theirs))
    process.start()
    try:
        yield took
        ours.send(None)
        took += ours.recv()
    finally:
        with suppress(OSError):
            ours.close()
        process.join(10)
        process.kill()


def _probe(url: str, told: Connection) -> None:
    took = []
    with httpx2.Client(base_url=url, timeout=60) as client:
        while not told.poll(_PROBE_SECONDS):
            began = time.perf_counter()
            client.get("/healthz").raise_for_status()
            took.append(1000 * (time.perf_counter() - began))
    told.send(took)


def settled(database: str, seconds: float) -> bool:
    """Wait until no analysis has anything left to do; False where that takes longer."""
    try:
        until(
            lambda: rows(database, "SELECT count(*) FROM analyses WHERE run_after IS NOT NULL") == [(0,)], seconds, str
        )
    except TimeoutError:
        return False
    return True


def _lost(database: str, accepted: set[str]) -> set[str]:
    """Those of ``accepted`` that were not completed. A broken file may have failed, which is an end, too."""
    ended = {name for (name,) in rows(database, "SELECT id FROM analyses WHERE status IN ('completed', 'failed')")}
    return accepted - ended


def _percentile(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 2) if values else 0.0


def main() -> int:
    """Returns: 0, or 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=300, help="how long the overload lasts")
    options = parser.parse_args()
    found: dict[str, Any] = {"cores": os.cpu_count(), "load average before": round(os.getloadavg()[0], 1)}
    broken = False
    for name, scenario in {
        "mixed": lambda folder: mixed(folder, options.requests),
        "overload": lambda folder: overload(folder, options.seconds),
    }.items():
        folder = ROOT / "build/crowd" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        report = scenario(folder)
        promises_of_a_quiet_machine(report, name)
        print(f"== {name} (logs in {folder.relative_to(ROOT)})\n{report}\n", flush=True)
        found[name] = {**report.figures, "broken": report.broken}
        broken |= bool(report.broken)
    MEASURED.parent.mkdir(exist_ok=True)
    MEASURED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(broken)


def promises_of_a_quiet_machine(report: Report, name: str) -> None:
    """What a short run cannot show, nor one beside other work."""
    figures: dict[str, Any] = report.figures
    if name == "mixed":
        p99, (before, after) = figures["health p99 ms"], figures["memory MB after a fifth, and at the end"]
        report.promise(f"/healthz answers within {HEALTH_MS} ms, 99 times of 100", p99 < HEALTH_MS)
        report.promise("memory stays flat", after < 1.1 * before + 20)
    else:
        longest = next(figure["longest s"] for key, figure in figures.items() if key.startswith("texts"))
        report.promise(f"an accepted text is answered within {TEXT_SECONDS} s", longest < TEXT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
