"""``python -m service`` serves; ``worker`` works on what services accept; ``migrate`` prepares
their database and ``keys`` says who may ask; ``analyze`` prints what it hears in files."""

import argparse
import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import BinaryIO

# Before NumPy is imported: an analysis takes one core, and a second thread of its own would take the next one's.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from service import __version__, keys
from service.analyses import compute
from service.analyses.ambient import Ambient
from service.analyses.database import Database, open_database
from service.api import problems
from service.app import create_app
from service.audio import contained
from service.connections import Connection
from service.inference.registry import Registry
from service.observability import logs
from service.observability.metrics import shown
from service.problems import NoFile, Problem
from service.requests import AudioOptions
from service.runtime import DRAIN_SECONDS, Ports, Runtime, running
from service.security.keyring import Keyring
from service.security.webhooks import new_secret
from service.settings import Settings, SettingsError, load_settings, prepare_data_dir

_M_ARENA_MAX = -8  # of malloc.h


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its status: 0 done, 1 a file had a problem, 2 it could not start."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        if options.command == "analyze":
            return _analyze(options.files, options.roles, options.model, settings)
        if options.command == "secret":
            print(new_secret(os.urandom(32)))
            return 0
        if options.command == "keys":
            return asyncio.run(_keys(options, settings))
        logs.configure(settings.log_level, settings.log_format)
        _share_arena()
        if options.command == "migrate":
            return asyncio.run(_migrate(settings))
        return _work(settings) if options.command == "worker" else _serve(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Voice to Value. Without a command it serves over HTTP.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve over HTTP (the default)")
    commands.add_parser("worker", help="work on what the services with the same V2V_BROKER_URL accept")
    commands.add_parser("migrate", help="bring the database's tables up to date, before services and workers start")
    keys.add_arguments(commands.add_parser("keys", help="make, list and revoke API keys"))
    commands.add_parser("secret", help="print a new secret for V2V_CALLBACK_SECRETS")
    analyze = commands.add_parser("analyze", help="print what POST /analyze-audio answers for recordings")
    analyze.add_argument("files", nargs="+", type=Path, metavar="FILE")
    analyze.add_argument("--roles", help="who speaks on each channel, such as customer,agent")
    analyze.add_argument(
        "--model",
        help="a speech or vocal burst model in V2V_MODELS_DIR, in place of the default one of its task",
    )
    return parser


def _share_arena() -> None:
    """Have all threads allocate in one place: in glibc's one for each of them what the largest recording took stays."""
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)


def _analyze(files: Sequence[Path], roles: str | None, model: str | None, settings: Settings) -> int:
    """Print the analysis of each file to stdout, or the problem with it to stderr."""
    try:
        options = AudioOptions.model_validate({"channel_roles": roles.split(",") if roles else None, "model": model})
    except ValidationError as error:
        _print_problem(problems.from_validation(error.errors()))
        return 2
    registry = Registry.load(settings.models_dir, settings.text_models, settings.emotion_models)
    status = 0
    for path in files:
        try:
            with _open(path) as file:
                found = compute.acoustics(file, options.channel_roles, options.model, registry, settings)
        except Problem as problem:
            problem.extensions["file"] = str(path)
            _print_problem(problem)
            status = 1
        else:
            print(found.model_dump_json(indent=2), flush=True)
    return status


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise NoFile(f"The file cannot be opened: {error.strerror}.") from error


def _print_problem(problem: Problem) -> None:
    print(json.dumps(problem.document(), indent=2), file=sys.stderr)


def _serve(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; requests and steps under way are ended first."""
    asyncio.run(_check_address(settings))
    if not settings.broker_url.get_secret_value():
        contained.prepare()
    # Uploads too large for memory, which are people's calls, stay in the folder that the operator chose.
    tempfile.tempdir = str(prepare_data_dir(settings))
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=Connection,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        # Longer than proxies keep a connection (nginx: 60), lest one of them sends while it is being closed.
        timeout_keep_alive=65,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    # Once uvicorn has shut down it raises the signal again; by then all is done and that is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _Server(config, app).run()
    except KeyboardInterrupt:
        return 0
    return 0


def _work(settings: Settings) -> int:
    """Work until SIGTERM or Ctrl-C; steps under way are ended first."""
    if not settings.broker_url.get_secret_value():
        raise SettingsError("V2V_BROKER_URL: a worker needs the broker of the services it works for")
    contained.prepare()
    tempfile.tempdir = str(prepare_data_dir(settings))
    asyncio.run(_worker(settings))
    return 0


async def _migrate(settings: Settings) -> int:
    async with _database(settings, migrate=True):
        print("The database is up to date.")
    return 0


async def _keys(options: argparse.Namespace, settings: Settings) -> int:
    async with _database(settings, migrate=settings.migrate) as database:
        return await keys.run(options, database, settings, Ambient())


async def _check_address(settings: Settings) -> None:
    """Raises: SettingsError: strangers could reach the service, and it would not ask them for a key."""
    if not settings.on_loopback:
        async with _database(settings, migrate=settings.migrate) as database:
            await Keyring(database, Ambient(), settings).check_address()


@asynccontextmanager
async def _database(settings: Settings, *, migrate: bool) -> AsyncIterator[Database]:
    prepare_data_dir(settings)
    database = open_database(settings)
    try:
        await (database.migrate() if migrate else database.check())
        yield database
    except (OSError, SQLAlchemyError) as error:  # the whole of it would repeat the address
        raise SettingsError(f"V2V_DATABASE_URL: the database cannot be reached: {type(error).__name__}") from None
    finally:
        await database.close()


async def _worker(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(running(settings, Ports()))
        if settings.metrics_port:
            stack.enter_context(shown(runtime.metrics, settings.host, settings.metrics_port))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, runtime.stop)
        print(f"\nVoice to Value {__version__} works on what is queued\n", flush=True)
        await runtime.tasks.run_worker()


class _Server(uvicorn.Server):
    """Uvicorn that says where to look once it listens, and lets waiting requests go when it is asked to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        runtime: Runtime | None = getattr(self._app.state, "service", None)
        if runtime is not None:
            runtime.loop.call_soon_threadsafe(runtime.stop)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        print(
            f"\nVoice to Value {__version__} listens on {url}\n"
            f"  documentation  {url}/docs\n"
            f"  try it         curl -F file=@tests/data/sample_call.wav -F channel_roles=customer,agent "
            f"{url}/analyze-audio\n",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
