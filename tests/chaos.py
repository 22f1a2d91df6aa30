"""``make chaos``: processes are killed while calls are analysed, and every promise is checked afterwards.

The same calls and the same victims in every run; when a victim is hit differs, which is the point.
"""

import argparse
import itertools
import random
import shutil
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
import pytest

from tests.assemblyai import KEY, FakeAssemblyAI, post, served
from tests.recordings import ENCODINGS, encode, native
from tests.servers import Redis, free_port, postgres_server, redis_server
from tests.system import ROOT, Process, Receiver, environment, receiver, rows, started, until

SAMPLE_CALL = ROOT / "tests/data/sample_call.wav"
STEPS = {"acoustics", "transcription", "text", "combine"}
EVENTS = {"analysis.acoustics_ready", "analysis.completed"}

# Where a process dies, one after the other, in the words of tests/killed.py. Each time that the transcription is worked
# on it comes one phase further: uploaded, about to be ordered, ordered, there.
DEATHS = (
    *(("fetch", "before", 1), ("fetch", "after", 1)),
    *(("acoustics", "before", 1), ("acoustics", "after", 1)),
    *(("transcription", "before", 1), ("transcription", "after", 1), ("transcription", "after", 2)),
    *(("transcription", "after", 2), ("transcription", "after", 1), ("transcription", "after", 2)),
    *(("text", "before", 1), ("text", "after", 1)),
    *(("combine", "before", 1), ("combine", "after", 1)),
    ("callback", "after", 1),
)


@dataclass(frozen=True)
class Storm:
    """How much happens. ``pause`` is the shortest and the longest time between two kills, in seconds."""

    analyses: int = 200
    kills: int = 40
    redis_restarts: int = 2
    pause: tuple[float, float] = (0.5, 1.5)
    settle_seconds: float = 300
    seed: int = 1


@dataclass
class Report:
    """What happened: the figures in their order, and the promises that were broken."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def promise(self, what: str, kept: bool) -> None:
        if not kept:
            self.broken.append(what)

    def __str__(self) -> str:
        lines = [f"{name:<42} {value}" for name, value in self.figures.items()]
        return "\n".join([*lines, *(f"BROKEN: {promise}" for promise in self.broken)])


@contextmanager
def outside(folder: Path, port: int) -> Iterator[tuple[Receiver, str, FakeAssemblyAI, dict[str, str]]]:
    """A CRM, its address, AssemblyAI, and the settings of a service on ``port`` that knows them."""
    fake = FakeAssemblyAI(post, seconds=0.5, retry_seconds=3)
    with receiver() as (crm, crm_url), served(fake) as assemblyai_url:
        settings = environment(folder, crm_url) | {
            "V2V_PORT": str(port),
            "V2V_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "V2V_ASSEMBLYAI_API_KEY": KEY,
            "V2V_ASSEMBLYAI_BASE_URL": assemblyai_url,
        }
        yield crm, crm_url, fake, settings


def storm_over_postgres_and_redis(storm: Storm, folder: Path) -> Report:
    """A service and two workers, each of which is killed now and then; Redis forgets its queue in between."""
    port = free_port()
    with (
        postgres_server() as postgres,
        redis_server() as redis,
        outside(folder, port) as (crm, crm_url, fake, settings),
    ):
        database = postgres.database()
        settings |= {"V2V_DATABASE_URL": database, "V2V_BROKER_URL": redis.url, "V2V_LEASE_SECONDS": "2"}
        processes = [
            Process("service", ["service"], settings, folder),
            Process("worker1", ["service", "worker"], settings, folder),
            Process("worker2", ["service", "worker"], settings, folder),
        ]
        with started(*processes):
            report = _weather(storm, processes, redis, f"http://127.0.0.1:{port}", crm_url, database)
        _check(report, storm.analyses, database, crm, fake)
        return report


def storm_over_sqlite(storm: Storm, folder: Path) -> Report:
    """One service that works by itself and is killed now and then."""
    port = free_port()
    with outside(folder, port) as (crm, crm_url, fake, settings):
        database = str(folder / "data" / "voice-to-value.db")
        service = Process("service", ["service"], settings | {"V2V_LEASE_SECONDS": "2"}, folder)
        with started(service):
            report = _weather(storm, [service], None, f"http://127.0.0.1:{port}", crm_url, database)
        _check(report, storm.analyses, database, crm, fake)
        return report


def killed_in_each_step(folder: Path, deaths: Sequence[tuple[str, str, int]] = DEATHS) -> Report:
    """One analysis on SQLite whose process dies at each of ``deaths`` and is started again."""
    port = free_port()
    with outside(folder, port) as (crm, crm_url, fake, settings):
        database = str(folder / "data" / "voice-to-value.db")
        settings |= {"V2V_LEASE_SECONDS": "1"}
        crm.recordings["/call.wav"] = next(calls(1, seconds=4, seed=1))
        began = time.monotonic()
        for number, death in enumerate(deaths):
            process = Process(
                f"{number}-{'-'.join(map(str, death))}", ["tests.killed", *map(str, death)], settings, folder
            )
            process.start()
            if number == 0:
                process.wait_until_ready()
                with suppress(httpx2.TransportError):  # it may die before it answers
                    httpx2.post(
                        f"http://127.0.0.1:{port}/analyze-audio",
                        headers={"Prefer": "respond-async"},
                        json={"audio_url": f"{crm_url}/call.wav", "callback_url": f"{crm_url}/callbacks"},
                    ).raise_for_status()
            until(process.died, 90, process.tail)
        with started(Process("service", ["service"], settings, folder)):
            _settle(database, 90)
        report = Report({"deaths": len(deaths), "seconds": round(time.monotonic() - began)})
        _check(report, 1, database, crm, fake)
        return report


def calls(count: int, seconds: float, seed: int) -> Iterator[bytes]:
    """Different pieces of the sample call, in each of which somebody speaks."""
    samples, rate = native(SAMPLE_CALL)
    chance = random.Random(seed)  # noqa: S311 - no secret
    length = round(seconds * rate)
    for _ in range(count):
        start = chance.randrange(samples.shape[1] - length)
        yield encode(samples[:, start : start + length] * chance.uniform(0.5, 1), rate, ENCODINGS["wav"])


def hand_in(client: httpx2.Client, url: str, call: bytes, key: str, fields: Mapping[str, str]) -> str:
    """The id of the analysis of ``call``. As a CRM does, it asks again until it is answered."""
    while True:
        try:
            answer = client.post(
                f"{url}/analyze-audio",
                headers={"Prefer": "respond-async", "Idempotency-Key": f'"{key}"'},
                files={"file": call},
                data=fields,
            )
        except httpx2.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code in (200, 202):
            return str(answer.json()["id"])
        if answer.status_code != 409 and answer.status_code < 500:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        time.sleep(float(answer.headers.get("Retry-After", 0.5)))


def _weather(
    storm: Storm, processes: Sequence[Process], redis: Redis | None, url: str, crm_url: str, database: str
) -> Report:
    """Hand in calls, kill meanwhile, and wait until all is over."""
    chance = random.Random(storm.seed)  # noqa: S311 - no secret
    restarts = {round((n + 1) * storm.kills / (storm.redis_restarts + 1)) for n in range(storm.redis_restarts)}
    began = time.monotonic()
    spread = storm.kills * statistics.mean(storm.pause)  # the calls come as long as the storm lasts

    def submit(number: int, call: bytes) -> str:
        time.sleep(max(0.0, began + spread * number / storm.analyses - time.monotonic()))
        fields = {"callback_url": f"{crm_url}/callbacks", "external_id": f"call {number}"}
        return hand_in(client, url, call, f"storm-{storm.seed}-{number}", fields)

    killed: Counter[str] = Counter()
    with httpx2.Client(timeout=10) as client, ThreadPoolExecutor(4) as crm:
        accepted = crm.map(submit, itertools.count(), calls(storm.analyses, seconds=4, seed=storm.seed))
        for number in range(storm.kills):
            time.sleep(chance.uniform(*storm.pause))
            # One that is still starting has nothing to lose.
            until(lambda: any(process.ready for process in processes), 60, processes[0].tail)
            victim = chance.choice([process for process in processes if process.ready])
            victim.kill()
            victim.start()
            killed[victim.name] += 1
            if redis is not None and number in restarts:
                redis.restart()
        ids = list(accepted)
    storm_seconds = time.monotonic() - began
    settled = _settle(database, storm.settle_seconds)
    report = Report(
        {
            "seconds, of which with kills": f"{time.monotonic() - began:.0f}, {storm_seconds:.0f}",
            "kills": ", ".join(f"{name} {count}" for name, count in sorted(killed.items())),
            "Redis restarts, its queue lost": storm.redis_restarts if redis else 0,
            "accepted": len(ids),
        }
    )
    report.promise("all comes to an end", settled)
    report.promise("each call is accepted as one analysis", len(set(ids)) == storm.analyses)
    return report


def _settle(database: str, seconds: float) -> bool:
    """Wait until nothing is left to do; False where that takes longer than ``seconds``."""
    open_ = """SELECT (SELECT count(*) FROM analyses WHERE run_after IS NOT NULL)
                    + (SELECT count(*) FROM callbacks WHERE run_after IS NOT NULL)"""
    try:
        until(lambda: rows(database, open_) == [(0,)], seconds, lambda: "not settled", every=1)
    except TimeoutError:
        return False
    return True


def _check(report: Report, analyses: int, database: str, crm: Receiver, fake: FakeAssemblyAI) -> None:
    """Count what there is, and what there should be."""
    ends = Counter(rows(database, "SELECT status, words FROM analyses"))
    results = rows(database, "SELECT analysis_id, step FROM results")
    by_analysis: dict[str, list[str]] = {}
    for analysis, step in results:
        by_analysis.setdefault(analysis, []).append(step)
    callbacks = rows(database, "SELECT id, analysis_id, event FROM callbacks")
    orders = Counter(order.parameters["webhook_url"].rpartition("/")[2] for order in fake.orders.values())
    ((recordings, transcripts),) = rows(
        database, "SELECT (SELECT count(*) FROM audio_files), (SELECT count(*) FROM transcript_orders)"
    )
    delivered = [crm.accepted[message] for message, _, _ in callbacks]
    report.figures |= {
        "analyses stored": ends.total(),
        "completed with their words": ends[("completed", "completed")],
        "failed": sum(count for (status, _), count in ends.items() if status == "failed"),
        "with one result of each step": sum(sorted(steps) == sorted(STEPS) for steps in by_analysis.values()),
        "callbacks": len(callbacks),
        "delivered at least once": sum(count > 0 for count in delivered),
        "received again under the same id": sum(count - 1 for count in delivered if count > 1),
        "with a wrong signature": crm.forged,
        "transcripts ordered": f"{orders.total()}, at most {max(orders.values(), default=0)} for an analysis",
        "recordings still to be deleted": recordings,
        "transcripts still to be deleted there": transcripts,
    }
    report.promise("no analysis is lost or doubled", ends.total() == analyses)
    report.promise("each is completed with its words", ends == {("completed", "completed"): analyses})
    report.promise(
        "each step has one result",
        len(by_analysis) == analyses and all(sorted(steps) == sorted(STEPS) for steps in by_analysis.values()),
    )
    told = Counter((analysis, event) for _, analysis, event in callbacks)
    report.promise("each event is told once", len(told) == analyses * len(EVENTS) and set(told.values()) == {1})
    report.promise("each callback is delivered", all(delivered))
    report.promise("each callback is signed", crm.forged == 0)
    report.promise("each transcript is ordered once", len(orders) == analyses and set(orders.values()) == {1})
    report.promise("AssemblyAI is called by its rules", not fake.violations)


def throughput(folder: Path, recordings: int = 16, minutes: int = 4, rounds: int = 3) -> Report:
    """How much faster two workers are than one, without transcription, each with one call at a time.

    The best round of each counts: what else this machine does can only make it slower.
    """
    report = Report({"calls": f"{recordings} of {minutes} minutes"})
    times: dict[int, list[float]] = {1: [], 2: []}
    order = [count for number in range(rounds) for count in ((1, 2) if number % 2 == 0 else (2, 1))]
    for number, count in enumerate(order):
        (folder / str(number)).mkdir()
        times[count].append(_timed(folder / str(number), count, recordings, minutes))
    for count, seconds in times.items():
        shown = " ".join(f"{second:.1f}" for second in seconds)
        rate = recordings * minutes * 60 / min(seconds)
        report.figures[f"seconds with {count} worker{'s' * (count > 1)}"] = f"{shown} ({rate:.0f} times real time)"
    ratio = min(times[1]) / min(times[2])
    report.figures["ratio"] = f"{ratio:.2f}"
    report.promise("two workers do at least 1.7 times the work of one", ratio >= 1.7)
    return report


def _timed(folder: Path, count: int, recordings: int, minutes: int) -> float:
    """Seconds from the moment when ``count`` workers may begin to the end of the last analysis."""
    port = free_port()
    with postgres_server() as postgres, redis_server() as redis, receiver() as (_, crm_url):
        database = postgres.database()
        settings = environment(folder, crm_url)
        settings |= {"V2V_PORT": str(port), "V2V_DATABASE_URL": database, "V2V_BROKER_URL": redis.url}
        service = Process("service", ["service"], settings, folder)
        workers = [Process(f"worker{number}", ["service", "worker"], settings, folder) for number in range(count)]
        with started(service, *workers), httpx2.Client(timeout=60) as client:
            url = f"http://127.0.0.1:{port}"
            # Nobody's first analysis counts: models are loaded and memory is touched then.
            for number, call in enumerate(calls(8, seconds=20, seed=2)):
                hand_in(client, url, call, f"warm-{number}", {"transcription": "none"})
            assert _settle(database, 60)
            for worker in workers:
                worker.send(signal.SIGSTOP)
            for number, call in enumerate(_long_calls(recordings, minutes)):
                hand_in(client, url, call, f"call-{number}", {"transcription": "none"})
            began = time.time()
            for worker in workers:
                worker.send(signal.SIGCONT)
            assert _settle(database, 600)
            return float(rows(database, "SELECT max(ended) FROM analyses")[0][0]) / 1000 - began


def _long_calls(count: int, minutes: int) -> Iterator[bytes]:
    """The sample call over and over, each time as loud as no other."""
    samples, rate = native(SAMPLE_CALL)
    length = round(minutes * 60 * rate)
    long = np.tile(samples, (1, -(-length // samples.shape[1])))[:, :length]
    for number in range(count):
        yield encode(long * (1 - number / 100), rate, ENCODINGS["wav"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--analyses", type=int, default=200)
    parser.add_argument("--backend", choices=("postgres-redis", "sqlite"), help="only this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--throughput", action="store_true", help="measure one worker against two instead")
    options = parser.parse_args()
    storm = Storm(options.analyses, kills=options.analyses // 5, seed=options.seed)
    scenarios = {
        "postgres-redis": lambda folder: storm_over_postgres_and_redis(storm, folder),
        "sqlite": lambda folder: storm_over_sqlite(storm, folder),
        "killed in each step": killed_in_each_step,
    }
    if options.backend:
        scenarios = {options.backend: scenarios[options.backend]}
    if options.throughput:
        scenarios = {"throughput": throughput}
    broken = False
    for name, scenario in scenarios.items():
        folder = ROOT / "build/chaos" / name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            report = scenario(folder)
        except pytest.skip.Exception as skipped:
            print(f"{name}: {skipped}", file=sys.stderr)
            return 2
        print(f"== {name} (logs in {folder.relative_to(ROOT)})\n{report}\n", flush=True)
        broken |= bool(report.broken)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
