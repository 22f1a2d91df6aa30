"""``python -m service`` serves; ``python -m service analyze FILE...`` prints the same JSON for files."""

import argparse
import json
import logging
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import uvicorn
from pydantic import ValidationError

from service import __version__
from service.analyses import pipeline
from service.api import problems
from service.app import create_app
from service.inference.registry import Registry
from service.problems import NoFile, Problem
from service.requests import AudioOptions
from service.settings import Settings, SettingsError, load_settings, prepare_data_dir


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its status: 0 done, 1 a file had a problem, 2 it could not start."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        if options.command == "analyze":
            return _analyze(options.files, options.roles, settings)
        return _serve(settings)
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
    analyze = commands.add_parser("analyze", help="print what POST /analyze-audio answers for recordings")
    analyze.add_argument("files", nargs="+", type=Path, metavar="FILE")
    analyze.add_argument("--roles", help="who speaks on each channel, such as customer,agent")
    return parser


def _analyze(files: Sequence[Path], roles: str | None, settings: Settings) -> int:
    """Print the analysis of each file to stdout, or the problem with it to stderr."""
    try:
        options = AudioOptions.model_validate({"channel_roles": roles.split(",") if roles else None})
    except ValidationError as error:
        _print_problem(problems.from_validation(error.errors()))
        return 2
    registry = Registry.load(settings.models_dir)
    status = 0
    for path in files:
        try:
            with _open(path) as file:
                analysis = pipeline.analyze_audio(file, options, registry, settings)
        except Problem as problem:
            problem.extensions["file"] = str(path)
            _print_problem(problem)
            status = 1
        else:
            print(analysis.model_dump_json(indent=2), flush=True)
    return status


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise NoFile(f"The file cannot be opened: {error.strerror}.") from error


def _print_problem(problem: Problem) -> None:
    print(json.dumps(problems.document(problem), indent=2), file=sys.stderr)


def _serve(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; requests under way are answered first."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s:     %(message)s")
    # Uploads too large for memory, which are people's calls, stay in the folder that the operator chose.
    tempfile.tempdir = str(prepare_data_dir(settings))
    config = uvicorn.Config(create_app(settings), host=settings.host, port=settings.port, log_level=settings.log_level)
    # Once uvicorn has shut down it raises the signal again; by then all is done and that is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _Server(config).run()
    except KeyboardInterrupt:
        return 0
    return 0


class _Server(uvicorn.Server):
    """Uvicorn that says where to look once it listens."""

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
