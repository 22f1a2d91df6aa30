"""The service as its operators run it: real processes, what they talk to, and what is in their database."""

import asyncio
import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg
from standardwebhooks import Webhook, WebhookVerificationError

ROOT = Path(__file__).resolve().parents[1]
SECRET = "whsec_" + base64.b64encode(b"chaos" * 6).decode()


class Process:
    """``python -m`` with some arguments, which may die and be started again. What it says goes to a log."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._command = [sys.executable, "-m", *arguments]
        self._environment = {**os.environ, **environment}
        self._log = folder / f"{name}.log"
        self._log.touch()

    def start(self) -> "Process":
        self._said = self._log.stat().st_size
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    @property
    def ready(self) -> bool:
        """Whether it says that it is, since it was started last."""
        with self._log.open("rb") as log:
            log.seek(self._said)
            return READY in log.read()

    def wait_until_ready(self) -> None:
        until(lambda: self.ready or self._process.poll() is not None, 60, self.tail)
        if not self.ready:
            raise RuntimeError(f"{self.name} ended: {self.tail()}")

    def kill(self) -> None:
        """End it as a crash does."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as an operator does."""
        self.send(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def died(self) -> bool:
        """Whether it was killed, by itself or anybody."""
        return self._process.poll() == -signal.SIGKILL

    @property
    def resident_mb(self) -> float:
        """The memory that it holds."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


READY = b"Voice to Value "


@contextmanager
def started(*processes: Process) -> Iterator[None]:
    """``processes``, ready; in the end they are stopped."""
    running = [process.start() for process in processes]
    try:
        for process in running:
            process.wait_until_ready()
        yield
    finally:
        for process in running:
            process.stop()


def until(true: Callable[[], bool], seconds: float, told: Callable[[], str], *, every: float = 0.1) -> None:
    """Wait for something that other processes do; fails with what is ``told`` where it takes too long."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(told())
        time.sleep(every)


class Receiver:
    """A CRM: keeps its recordings to be fetched, and takes callbacks. It refuses every tenth message at first.

    Attributes:
        recordings: path -> bytes.
        accepted: webhook-id -> how often it was accepted.
        forged: callbacks whose signature was wrong.
    """

    def __init__(self) -> None:
        self.recordings: dict[str, bytes] = {}
        self.accepted: Counter[str] = Counter()
        self.forged = 0
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status that answers a callback."""
        with self._lock:
            try:
                Webhook(SECRET).verify(body, dict(headers))
            except WebhookVerificationError:
                self.forged += 1
                return 400
            message = headers["webhook-id"]
            new = message not in self._seen
            self._seen.add(message)
            if new and len(self._seen) % 10 == 0:
                return 503
            self.accepted[message] += 1
            return 204


@contextmanager
def receiver() -> Iterator[tuple[Receiver, str]]:
    """A receiver and its address."""
    crm = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, crm.recordings[self.path])

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            with suppress(ConnectionError):  # whoever sends it may die meanwhile
                body = self.rfile.read(size)
                if len(body) == size:
                    time.sleep(0.2)  # takes its time, as CRMs do
                    self._answer(crm.take({name.lower(): value for name, value in self.headers.items()}, body))

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield crm, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def environment(folder: Path, crm_url: str) -> dict[str, str]:
    """The settings that all processes of a system share."""
    return {
        "V2V_DATA_DIR": str(folder / "data"),
        "V2V_CALLBACK_SECRETS": json.dumps({"*": [SECRET]}),
        "V2V_ALLOWED_HOSTS": crm_url.removeprefix("http://"),
        "V2V_CONCURRENCY": "1",
        "V2V_LOG_LEVEL": "warning",
    }


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    """What ``query`` finds in ``database``: a PostgreSQL address or a SQLite file."""
    if not database.startswith("postgresql://"):
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute(query).fetchall()

    async def fetch() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(database)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(fetch())
