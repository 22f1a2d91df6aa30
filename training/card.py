"""The model card: card.json for programs, README.md for people, both from what the runs wrote."""

import json
import shutil
import subprocess
import textwrap
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

FEATURES = {"mfcc": "MFCC", "mel": "log-mel", "chroma": "chroma", "zcr": "ZCR"}
LIBRARIES = ("tensorflow-cpu", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy", "scipy", "av")


def commit() -> str:
    """The commit that the code is at, marked where the code differs from it; ``unknown`` where it has no history."""

    def git(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - git is found on the PATH
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    if shutil.which("git") is None or not (Path(__file__).parents[1] / ".git").exists():
        return "unknown"
    changed = git(
        "status", "--porcelain", "--", ".", "../service/audio", "../service/inference", "../service/emotions.py"
    )
    return git("rev-parse", "HEAD") + (" with local changes" if changed else "")


def library_versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def write_json(card: Mapping[str, Any], path: Path) -> None:
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def readme(card: Mapping[str, Any]) -> str:
    """The card of an acoustic model as Markdown."""
    data, shipped = card["training_data"], card["shipped"]
    lines = [
        f"# {card['name']} {card['version']}",
        "",
        card["description"],
        "",
        f"- **Labels**: {', '.join(card['labels'])}",
        *(f"- **{label}** stands for the corpus's category {original}" for label, original in card["proxies"].items()),
        f"- **Trained on**: {data['corpus']}, {data['clips']:,} clips of {data['speakers']} speakers "
        f"({data['citation']})",
        *_beside(data),
        *_before(card),
        f"- **Licence of these weights**: {card['licence']}. {card['licence_note']}",
        f"- **Input**: {_input(card['front_end'])}, "
        f"windows of {card['front_end']['window_samples'] / card['front_end']['sample_rate']:.0f} s "
        f"at {card['front_end']['sample_rate'] // 1000} kHz",
        f"- **Size**: {card['architecture']['parameters']:,} parameters, {card['architecture']['kind']}"
        + (f" ([picture]({card['architecture']['picture']}))" if "picture" in card["architecture"] else ""),
        f"- **Shipped weights**: {shipped['trained_on']}; {shipped['epochs']} epochs, {shipped['epochs_from']}. "
        "The figures below are those of the folds, whose test speakers their models had never heard.",
        f"- **Probabilities** are calibrated with temperature {card['calibration']['temperature']} "
        f"({card['calibration']['method']}).",
        *_sets(card),
        f"- **ONNX and the trained model** differ by at most {shipped['onnx_difference']:.1e} in any probability.",
        "",
        "## How good it is",
        "",
        *_figures(card["protocols"]),
        "",
        *(f"- **{name}**: {text}" for name, text in card["protocol_notes"].items()),
        "- Intervals are 95 %, from a bootstrap over speakers. UAR is the mean of the class recalls; chance is "
        f"{100 / len(card['labels']):.1f} %. ECE is the expected calibration error.",
        "- **telephone** is the same test clips through an 8 kHz, 300-3400 Hz, µ-law line.",
        "",
        "## Recall by class (speaker-independent)",
        "",
        *_recalls(card),
        "",
        "![Confusion matrices](confusion.png)",
        "",
        "## How it was made",
        "",
        f"`{card['command']}` at commit {card['commit']}, seed {card['configuration']['seed']}, data fingerprint "
        f"`{data['fingerprint'][:16]}…`. Settings, library versions and all figures are in `card.json`.",
    ]
    if data["notes"]:
        lines += ["", "Oddities of the corpus that were survived (whole in `card.json`):", ""]
        lines += [f"- {textwrap.shorten(note, 160, placeholder=' …')}" for note in data["notes"]]
    return "\n".join(lines) + "\n"


def _beside(data: Mapping[str, Any]) -> list[str]:
    """Whose clips were heard beside the corpus's own."""
    if "beside" not in data:
        return []
    other = data["beside"]
    return [
        f"- **Beside it**, for the sake of its speakers: {other['corpus']}, {other['clips']:,} clips of "
        f"{other['speakers']} speakers ({other['citation']}; {other['licence']})"
    ]


def _before(card: Mapping[str, Any]) -> list[str]:
    """What the weights were made of, besides the corpus that the model is for."""
    steps = [f"{step['name']} ({step['citation']}; {step['licence']})" for step in card.get("starts_with", [])]
    started = [f"- **Starts with** the weights of {', then '.join(steps)}"] if steps else []
    taught = [f"- **Distilled** from {card['teacher']}, on the same clips"] if "teacher" in card else []
    return started + taught


def _sets(card: Mapping[str, Any]) -> list[str]:
    """What prediction sets promise and keep, where the card knows."""
    if "prediction_sets" not in card:
        return []
    sets = card["prediction_sets"]
    kept = ", ".join(
        f"{100 * band['coverage']:.1f} % on {name} (mean size {band['size']:.1f})"
        for name, band in sets["held_out"].items()
    )
    return [
        f"- **Prediction sets** hold every label with a score of at least {sets['least_score']}, so that they hold the "
        f"true one {100 * sets['coverage']:.0f} % of the time: on speakers who had no part in the choice {kept}."
    ]


def _input(front_end: Mapping[str, Any]) -> str:
    if front_end.get("statistics"):
        return f"{front_end['feature']}, statistics of {front_end['columns']} columns"
    if "columns" in front_end:
        return f"{front_end['feature']}, {front_end['frames']} frames x {front_end['columns']} columns"
    return f"{front_end['feature']}, {front_end['frames']} frames x {front_end['n_mels']} bands"


def _figures(protocols: Mapping[str, Any]) -> list[str]:
    lines = [
        "| protocol | band | test clips | accuracy | UAR | ECE |",
        "|---|---|---:|---|---|---:|",
    ]
    for protocol, bands in protocols.items():
        for band, figures in bands.items():
            lines.append(
                f"| {protocol} | {band} | {figures['clips']:,} | {with_interval(figures, 'accuracy')} "
                f"| {with_interval(figures, 'uar')} | {figures['calibration_error']:.3f} |"
            )
    return lines


def with_interval(figures: Mapping[str, Any], name: str) -> str:
    """``accuracy`` or ``uar`` of a report in per cent, with its interval."""
    low, high = figures[f"{name}_interval"]
    return f"**{100 * figures[name]:.1f} %** ({100 * low:.1f} to {100 * high:.1f})"


def _recalls(card: Mapping[str, Any]) -> list[str]:
    bands = card["protocols"]["speaker-independent"]
    return [
        f"| class | {' | '.join(bands)} |",
        f"|---|{'---:|' * len(bands)}",
        *(
            f"| {label} | {' | '.join(recall(figures, label) for figures in bands.values())} |"
            for label in card["labels"]
        ),
    ]


def recall(figures: Mapping[str, Any], label: str) -> str:
    """That of ``label`` in a report in per cent, a dash where no clip has the label."""
    value = figures["recall"].get(label)
    return "–" if value is None else f"{100 * value:.0f} %"
