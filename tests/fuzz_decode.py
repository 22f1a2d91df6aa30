"""``make fuzz``: the decoder is handed files that were broken on purpose, in a process as confined as the service's.

Each is a recording in one of the formats that are taken, or one that lies, with some of its bytes changed; the same
seed makes the same files. The decoder may decode a file or refuse it. It may not end its process, take long over a
short file, raise what :func:`~service.audio.decode.decode` does not promise, or need much memory; a file over which it
does is kept in ``build/fuzz``.
"""

import argparse
import io
import json
import multiprocessing
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import av
import numpy as np

from service.audio.contained import confine
from service.audio.decode import Limits, decode
from service.problems import EmptyFile, NotAudio, TooLong, TooManyChannels
from tests.recordings import ENCODINGS, Encoding, encode, silent_flac, wav
from tests.system import ROOT

LIMITS: Final = Limits(max_seconds=60, max_channels=8)
HANG_SECONDS: Final = 20
MOST_MEMORY_MB: Final = 600
"""More than a process has that decodes a minute of eight channels."""

_FURTHER: Final = {
    "flac in ogg": Encoding("ogg", "flac"),
    "opus in matroska": Encoding("matroska", "libopus", 48_000),
    "w64": Encoding("w64", "pcm_s16le"),
    "mp3 in wav": Encoding("wav", "libmp3lame"),
    "aac in mp4": Encoding("mp4", "aac"),
}
_HEADER: Final = 256
# Where a size, a count or an offset stands, these are the values that code forgets.
_ODD: Final = (b"\x00", b"\x7f", b"\x80", b"\xff", b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")


@dataclass
class Report:
    """What became of the files.

    Attributes:
        outcomes: how many ended how: ``decoded``, ``decoded in part``, or the type of a problem.
        failures: what should not have been, with the number of its file.
        slowest_seconds: the longest that one file took.
        peak_memory_mb: the most that a decoding process ever held.
    """

    seed: int
    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0
    slowest_seconds: float = 0
    peak_memory_mb: float = 0


def sources() -> list[bytes]:
    """The files before they are broken."""
    chance = np.random.default_rng(1)
    made = [silent_flac(120), wav(bytes(8_000), claims=2**32 - 1), wav(bytes(16 * 2_000), channels=8)]
    for channels in (1, 2):
        noise = (0.1 * chance.standard_normal((channels, 4_000))).astype(np.float32)
        formats = {name: of for name, of in (ENCODINGS | _FURTHER).items() if name != "amr" or channels == 1}
        made += [encode(noise, 8_000, of) for of in formats.values()]
    return made


def broken(files: Sequence[bytes], seed: int, number: int) -> bytes:
    """The file ``number``."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
    content = bytearray(chance.choice(files))
    for _ in range(chance.choice((1, 1, 2, 4, 8, 32))):
        # Headers are where a byte does most.
        place = chance.randrange(min(len(content), chance.choice((_HEADER, len(content)))) or 1)
        match chance.randrange(8):
            case 0 | 1 | 2:
                content[place : place + 1] = chance.randbytes(1)
            case 3:
                odd = chance.choice(_ODD)
                content[place : place + len(odd)] = odd
            case 4:
                content[place:place] = chance.randbytes(chance.randrange(1, 64))
            case 5:
                del content[place : place + chance.randrange(1, 64)]
            case 6:  # cut, or repeat
                if chance.randrange(2):
                    del content[max(place, 16) :]
                else:
                    content += content[place:]
            case 7:
                other = chance.choice(files)
                start = chance.randrange(len(other))
                content[place : place + 512] = other[start : start + chance.randrange(1, 1_024)]
    return bytes(content)


def fuzz(count: int, seed: int, keep: Path) -> Report:
    """Have ``count`` files decoded. Those over which the decoder fails are written to ``keep``."""
    files = sources()
    report = Report(seed)
    context = multiprocessing.get_context("spawn")
    began = time.monotonic()

    def failed(what: str) -> None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{seed}-{report.files}").write_bytes(broken(files, seed, report.files))
        report.failures.append(f"file {report.files} {what}")

    while report.files < count:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_decode_all, args=(theirs, files, seed, report.files, count))
        process.start()
        theirs.close()
        try:
            for _ in range(report.files, count):
                if not ours.poll(HANG_SECONDS):
                    process.kill()
                    failed(f"was not done after {HANG_SECONDS} seconds")
                    break
                outcome, seconds, memory = ours.recv()
                if outcome.startswith("raised "):
                    failed(outcome)
                report.outcomes[outcome] += 1
                report.slowest_seconds = max(report.slowest_seconds, round(seconds, 2))
                report.peak_memory_mb = max(report.peak_memory_mb, round(memory / 1e6))
                report.files += 1
        except EOFError:
            process.join()
            failed(f"ended the process with {process.exitcode}")
        process.join()
        ours.close()
        report.files += report.files < count  # the one over which the process was lost
    report.seconds = round(time.monotonic() - began)
    if report.peak_memory_mb > MOST_MEMORY_MB:
        report.failures.append(f"{report.peak_memory_mb:.0f} MB were held; {MOST_MEMORY_MB} are enough")
    return report


def _decode_all(told: Connection, files: Sequence[bytes], seed: int, start: int, stop: int) -> None:
    """In a process of its own: say of each file how it ended, how long it took, and how much was ever held."""
    confine(LIMITS)
    for number in range(start, stop):
        content = broken(files, seed, number)
        began = time.perf_counter()
        outcome = _outcome(content)
        told.send((outcome, time.perf_counter() - began, _peak()))


def _peak() -> int:
    """Bytes that this process held at most. What getrusage tells counts those of its parent, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def _outcome(content: bytes) -> str:
    try:
        recording = decode(io.BytesIO(content), LIMITS)
    except (EmptyFile, NotAudio, TooLong, TooManyChannels) as problem:
        return problem.type
    except MemoryError:
        return "more memory than it is given"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if not (recording.samples.size and np.isfinite(recording.samples).all() and np.abs(recording.samples).max() <= 1):
        return "raised nothing, but its samples are none"
    return "decoded in part" if recording.damaged else "decoded"


def main() -> int:
    """Returns: 0, or 1 where the decoder failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_decode", description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=ROOT / "docs/measured/fuzz_decode.json")
    options = parser.parse_args()
    report = fuzz(options.files, options.seed, ROOT / "build/fuzz")
    found = {**vars(report), "av": av.__version__, "machine": platform.machine()}
    text = json.dumps(found, indent=2)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(bool(report.failures))


if __name__ == "__main__":
    sys.exit(main())
