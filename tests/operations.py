"""``python -m tests.operations`` writes what was measured into docs/operations.md.

``make bench``, ``make chaos`` and ``make fuzz`` leave their figures in docs/measured; nothing is measured here.
"""

import json
from pathlib import Path
from typing import Any, Final

from tests.crowd import MEASURED as CHAOS
from tests.readme import with_block
from tests.system import ROOT

PAGE: Final = ROOT / "docs/operations.md"


def main() -> None:
    PAGE.write_text(filled_in(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled_in(page: str) -> str:
    """``page`` with the figures that there are; what was not measured yet stays empty."""
    for name, (file, block) in _BLOCKS.items():
        page = with_block(page, name, block() if _file(file).exists() else "")
    return page


def speed() -> str:
    found = _read("bench_audio")
    return "\n".join(
        [
            f"On one core of a machine with {found['processor']} (load average {found['load average before']} before), "
            f"a call of {found['seconds of the call']} s in {found['channels']} channels:",
            "",
            "| speech model | audio hours in an hour, by one core |",
            "|---|---|",
            *(f"| `{name}` | {rate} |" for name, rate in found["times real time"].items()),
        ]
    )


def crowd() -> str:
    found = _read("chaos")["mixed"]
    before, after = found["memory MB after a fifth, and at the end"]
    return (
        f"{_machine()}: {found['requests']:,} good, bad, slow and dropped requests in {found['seconds']} s; "
        f"{_health(found)}; memory {before} MB after a fifth of them and {after} MB in the end. {_promises(found)}"
    )


def overload() -> str:
    found = _read("chaos")["overload"]
    lines = [
        f"{_machine()}: for {found['seconds']} s at twice the rates that it had answered; {_health(found)}; the queue "
        f"was empty {found['seconds until the queue was empty']} s after the last came. {_promises(found)}",
        "",
        "| | offered a second | accepted | told to come again | answered in, median | 99th percentile | longest |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, load in found.items():
        if isinstance(load, dict):
            lines.append(
                f"| {name} | {load['offered a second']} | {load['accepted']} | {load['told to come again']} | "
                f"{load['p50 s of what was accepted']} s | {load['p99 s']} s | {load['longest s']} s |"
            )
    return "\n".join(lines)


def fuzz() -> str:
    found = _read("fuzz_decode")
    by_number = sorted(found["outcomes"].items(), key=lambda item: -item[1])
    outcomes = ", ".join(f"{count:,} {name}" for name, count in by_number)
    faults = "; ".join(found["failures"]) or "none ended the process, took long or raised what it should not"
    return (
        f"Of {found['files']:,} broken files ({outcomes}): {faults}; the slowest took {found['slowest_seconds']} s, "
        f"and the process never held more than {found['peak_memory_mb']} MB."
    )


def _health(found: dict[str, Any]) -> str:
    p50, p99 = found["health p50 ms"], found["health p99 ms"]
    return f"`/healthz` in {p50:.0f} ms (median) and {p99:.0f} ms (99th percentile)"


def _promises(found: dict[str, Any]) -> str:
    if not found["broken"]:
        return "Each was answered as it should be, and nothing that was accepted was lost."
    return " ".join(f"**Not kept: {promise}.**" for promise in found["broken"])


def _machine() -> str:
    found = _read("chaos")
    return f"On {found['cores']} cores, which the clients shared (load average {found['load average before']} before)"


def _read(name: str) -> Any:
    return json.loads(_file(name).read_text(encoding="utf-8"))


def _file(name: str) -> Path:
    return CHAOS.with_name(f"{name}.json")


_BLOCKS: Final = {
    "speed": ("bench_audio", speed),
    "crowd": ("chaos", crowd),
    "overload": ("chaos", overload),
    "fuzz": ("fuzz_decode", fuzz),
}


if __name__ == "__main__":
    main()
