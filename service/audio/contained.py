"""Decoding in a process of its own, which gets so much memory and time and no more.

What a decoder makes of hostile bytes is not bounded by the audio that comes out: a WAV file of a hundred bytes can have
FFmpeg ask for two gigabytes, and a fault in C ends the process that it is in. Here that is a process which has nothing
but the one file. What it says is read as JSON, and its samples lie in memory that both see (memfd_create(2)).
"""

import json
import mmap
import multiprocessing
import os
import resource
import signal
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final

import numpy as np

from service.audio.decode import SAMPLE_RATE, Limits, Recording
from service.audio.decode import decode as decode_here
from service.problems import EmptyFile, NotAudio, Problem, TooLong, TooManyChannels

# Beside the samples, which are held twice while they are put together.
_MEMORY_BYTES: Final = 256 * 2**20
_CPU_SECONDS: Final = 60
_SHARE_OF_REAL_TIME: Final = 1 / 60
_PATIENCE: Final = 5
_REFUSALS: Final = {kind.type: kind for kind in (EmptyFile, NotAudio, TooLong, TooManyChannels)}
# How a process ends over its file. SIGKILL is not among them: others are killed for want of memory, too.
_FAULTS: Final = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGXCPU}

_processes: Final = multiprocessing.get_context("forkserver")


class LostDecoderError(Exception):
    """The decoding process is gone or stuck for a reason that does not lie in the file."""


def prepare() -> None:
    """Start the process from which decoders are forked, so that the first recording does not wait for it."""
    _processes.set_forkserver_preload([__name__])
    forkserver.ensure_running()


def decode(file: BinaryIO, limits: Limits) -> Recording:
    """As :func:`service.audio.decode.decode`; a file that takes too much memory or time, or over which the decoder
    fails, is not audio.

    Raises:
        LostDecoderError: try again.
    """
    prepare()
    with TemporaryFile(buffering=0) as copy:
        try:
            descriptor = file.fileno()
        except OSError:
            file.seek(0)
            while block := file.read(2**20):
                copy.write(block)
            descriptor = copy.fileno()
        samples = os.memfd_create("samples")
        try:
            answer = _ask(descriptor, samples, limits)
            if (kind := _REFUSALS.get(answer.pop("refusal", None))) is not None:
                raise kind(answer["detail"])
            return Recording(samples=_mapped(samples, answer.pop("channels")), **answer)
        finally:
            os.close(samples)


def confine(limits: Limits) -> None:
    """Bound what this process may take from now on. It leaves no core behind, which would hold somebody's call."""
    samples = round(limits.max_seconds * SAMPLE_RATE) * limits.max_channels * 4
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + 2 * samples + _MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, hard))


def _cpu_seconds(limits: Limits) -> int:
    return round(_CPU_SECONDS + limits.max_seconds * _SHARE_OF_REAL_TIME)


def _ask(file: int, samples: int, limits: Limits) -> dict[str, Any]:
    ours, theirs = _processes.Pipe()
    process = _processes.Process(target=_answer, args=(theirs, limits), daemon=True)
    with ours:
        with theirs:
            process.start()
        try:
            for descriptor in (file, samples):
                send_handle(ours, descriptor, process.pid)
            if not ours.poll(_PATIENCE * _cpu_seconds(limits)):
                raise LostDecoderError("the decoder was given no time")
            said = ours.recv_bytes()
        except (EOFError, ConnectionError):
            process.join()
            if -(process.exitcode or 0) in _FAULTS:
                raise NotAudio("The decoder failed over this file, or took too long; send it as WAV or FLAC.") from None
            raise LostDecoderError(f"the decoder ended with {process.exitcode}") from None
        finally:
            process.kill()
            process.join()  # nobody writes to the samples any more
            process.close()
    answer: dict[str, Any] = json.loads(said)
    return answer


def _mapped(samples: int, channels: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    content = mmap.mmap(samples, 0, access=mmap.ACCESS_COPY)
    return np.frombuffer(content, np.float32).reshape(channels, -1)


def _answer(told: Connection, limits: Limits) -> None:
    """What the decoding process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which ends its steps
    file, samples = recv_handle(told), recv_handle(told)
    confine(limits)
    _limit(resource.RLIMIT_CPU, _cpu_seconds(limits))
    told.send_bytes(json.dumps(_decoded(file, samples, limits)).encode())


def _decoded(file: int, samples: int, limits: Limits) -> dict[str, Any]:
    try:
        # Opened anew, for whoever sent it goes on reading where it was.
        with Path(f"/proc/self/fd/{file}").open("rb") as content:
            recording = decode_here(content, limits)
        with open(samples, "wb", closefd=False) as shared:
            shared.write(recording.samples.data)
    except Problem as problem:
        return {"refusal": problem.type, "detail": problem.detail}
    except MemoryError:
        return {"refusal": NotAudio.type, "detail": "The file takes more memory to decode than a recording does."}
    return {
        "channels": len(recording.samples),
        "sample_rate": recording.sample_rate,
        "container": recording.container,
        "codec": recording.codec,
        "damaged": recording.damaged,
    }
