"""``python tests/readme.py`` writes into the README what can be computed: answers, figures, settings.

Each ``console`` block of the README is a curl command and its answer; the command is run against a server that is
started for it, and the answer laid out for reading.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from service.rules.vocabulary import MEASURES
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
URL = "http://127.0.0.1:8000"
_CONSOLE = re.compile(r"```console\n\$ (?P<command>curl [^\n]*)\n(?P<answer>.*?)\n```", re.DOTALL)
_WIDTH = 150
_TASKS = {"sentiment": "3 sentiments", "emotion": "7 emotions", "fine_emotion": "28 emotions"}


def main() -> None:
    text = README.read_text(encoding="utf-8")
    text = with_block(text, "figures", figures())
    text = with_block(text, "settings", settings())
    text = with_block(text, "measures", measures())
    with server() as url:
        text = with_answers(text, lambda command: run(command, url))
    README.write_text(text, encoding="utf-8")


def with_block(text: str, name: str, content: str) -> str:
    """``text`` with what stands between the comments ``name`` and ``/name`` replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"


def with_answers(text: str, answer: Callable[[str], Any]) -> str:
    def replaced(match: re.Match[str]) -> str:
        return f"```console\n$ {match['command']}\n{laid_out(answer(match['command']))}\n```"

    return _CONSOLE.sub(replaced, text)


def commands(text: str) -> Iterator[tuple[str, Any]]:
    """Each command of ``text`` and the answer that stands under it."""
    for match in _CONSOLE.finditer(text):
        yield match["command"], json.loads(match["answer"])


def laid_out(answer: Any, indent: str = "") -> str:
    """``answer`` as JSON, an object or array on one line where it fits, many numbers on as few as they fit."""
    line = json.dumps(answer, ensure_ascii=False)
    if len(line) <= _WIDTH or not isinstance(answer, dict | list):
        return line
    inner = indent + "  "
    if isinstance(answer, list) and not any(isinstance(value, dict | list | str) for value in answer):
        numbers = textwrap.fill(line[1:-1], _WIDTH, initial_indent=inner, subsequent_indent=inner)
        return f"[\n{numbers}\n{indent}]"
    if isinstance(answer, dict):
        members = [f"{json.dumps(key)}: {laid_out(value, inner)}" for key, value in answer.items()]
    else:
        members = [laid_out(value, inner) for value in answer]
    begin, end = "{}" if isinstance(answer, dict) else "[]"
    return f"{begin}\n{inner}" + f",\n{inner}".join(members) + f"\n{indent}{end}"


def run(command: str, url: str) -> Any:
    """The answer to ``command``, which is one of the README's, from the server at ``url``."""
    done = subprocess.run(  # noqa: S602 - the README's own lines
        command.replace(URL, url), shell=True, cwd=ROOT, capture_output=True, check=True
    )
    return json.loads(done.stdout)


@contextmanager
def server() -> Iterator[str]:
    """A service with the shipped models on a free port; gives its address."""
    folder = tempfile.TemporaryDirectory()
    environment = {**os.environ, "V2V_PORT": "0", "V2V_DATA_DIR": folder.name}
    process = subprocess.Popen(
        [sys.executable, "-m", "service"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if match := re.search(r"listens on (http://\S+)", line):
                yield match[1]
                return
        raise RuntimeError("the service did not start")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()
        folder.cleanup()


def figures() -> str:
    lines = ["| model | protocol | band | accuracy | UAR |", "|---|---|---|---|---|"]
    for name in ("speech_encoder", "speech_emotion", "burst_encoder", "vocal_burst"):
        for protocol, bands in card(name)["protocols"].items():
            for band, result in bands.items():
                scores = (percent(result[metric], result[f"{metric}_interval"]) for metric in ("accuracy", "uar"))
                lines.append(f"| {' | '.join([f'`{name}`', protocol, band, *scores])} |")
    metrics = ("accuracy", "macro_f1", "weighted_f1")
    lines += ["", "| model | test part | accuracy | macro F1 | weighted F1 |", "|---|---|---|---|---|"]
    for part in card("text_minilm")["results"]["test"]["parts"]:
        if part["protocol"] == "one label":
            test_part = f"{part['corpus']}, {_TASKS[part['task']]}"
            figures = part["readers"]["text_minilm"]
            scores = (percent(**figures[metric]) for metric in metrics)
            lines.append(f"| {' | '.join(['`text_minilm`', test_part, *scores])} |")
    return "\n".join(lines)


def card(name: str) -> Any:
    return json.loads((ROOT / "onnx_models" / name / "card.json").read_text(encoding="utf-8"))


def percent(value: float, interval_95: Sequence[float]) -> str:
    low, high = interval_95
    return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def settings() -> str:
    lines = ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, Path) and default.is_absolute():
            default = default.relative_to(ROOT)
        if isinstance(default, tuple):
            default = ",".join(default)
        if isinstance(default, BaseModel):
            default = ""  # secrets, of which there are none
        default = f"`{default}`" if str(default) else ""
        about = " ".join((field.description or "").split())
        lines.append(f"| `V2V_{name.upper()}` | {default} | {about} |")
    return "\n".join(lines)


def measures() -> str:
    """Those of rules; what the agent has is what the customer has."""
    lines = ["| measure | what it is |", "|---|---|"]
    for name, about in MEASURES.items():
        if not name.startswith("agent.") and not name.endswith("_quarter"):
            quarters = ", `…_first_quarter`, `…_last_quarter`" if f"{name}_last_quarter" in MEASURES else ""
            lines.append(f"| `{name}`{quarters} | {about} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
