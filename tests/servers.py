"""Real Redis and PostgreSQL servers for tests, on free ports and in temporary folders."""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_HOST = "127.0.0.1"
_START_SECONDS = 60


class Redis:
    """A Redis server that forgets everything when it ends, unless it is ``append_only``."""

    def __init__(self, binary: str, folder: Path, *, append_only: bool) -> None:
        self._folder = folder
        self._port = free_port()
        self._command = [binary, "--bind", _HOST, "--port", str(self._port), "--dir", str(folder), "--save", ""]
        self._command += ["--appendonly", "yes", "--appendfsync", "always"] if append_only else []
        self.url = f"redis://{_HOST}:{self._port}/0"
        self.start()

    def start(self) -> None:
        self._process = _start(self._command, self._folder, self._answers)

    def kill(self) -> None:
        """End it without a warning."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Kill it and start it again on the same port."""
        self.kill()
        self.start()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((_HOST, self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
        except OSError:
            return False


class Postgres:
    """A PostgreSQL server that is tuned to forget."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._port = free_port()
        self._numbers = itertools.count(1)
        self._rights = _rights_of_postgres()
        if self._rights:
            os.chown(folder, self._rights["user"], self._rights["group"])
        data = folder / "data"
        self._run("initdb", f"--pgdata={data}", "--username=postgres", "--auth=trust", "--locale=C.UTF-8", "--no-sync")
        settings = {
            "listen_addresses": _HOST,
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "16MB",
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        command += itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in settings.items())
        self._process = _start(command, folder, self._answers, **self._rights)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", f"--host={_HOST}", f"--port={self._port}", "--username=postgres", name)
        return f"postgresql://postgres@{_HOST}:{self._port}/{name}"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # ends the connections, too
        self._process.wait()

    def _answers(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "--quiet", f"--host={_HOST}", f"--port={self._port}"]
        return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own arguments

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [str(self._binaries / name), *arguments],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **self._rights,
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr}")


@contextmanager
def redis_server(*, append_only: bool = False) -> Iterator[Redis]:
    """A Redis server; skips the test where it is not installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("needs redis-server (Debian: apt install redis-server)")
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = Redis(binary, Path(folder), append_only=append_only)
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server; skips the test where it is not installed."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("needs PostgreSQL (Debian: apt install postgresql)")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = Postgres(binaries, Path(folder))
        try:
            yield server
        finally:
            server.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _postgres_binaries() -> Path | None:
    """Where Debian keeps its newest version, or the PATH has one."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(debian, key=lambda path: float(path.parts[-3]), default=None)
    found = newest or shutil.which("postgres")
    return Path(found).parent if found else None


def _rights_of_postgres() -> dict[str, Any]:
    """How a process is started as the user ``postgres`` where we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _start(command: Sequence[str], folder: Path, answers: Callable[[], bool], **rights: Any) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers."""
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **rights
        )
    until = time.monotonic() + _START_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
    return process
