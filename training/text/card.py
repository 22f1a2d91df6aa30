"""The model card: ``card.json`` is the record, ``README.md`` the same for people.

``python -m training.text.card FOLDER`` writes the README and SHA256SUMS of an artefact from its ``card.json`` again.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from service.inference.artefacts import CARD_FILE, write_sums
from training.text.markdown import table
from training.text.tables import tables

README_FILE = "README.md"


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``card.json``, ``README.md`` and ``SHA256SUMS`` into the artefact ``folder``."""
    text = readme(card)
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / README_FILE).write_text(text, encoding="utf-8")
    write_sums(folder)


def refresh(folder: Path) -> None:
    """Write ``README.md`` and ``SHA256SUMS`` from the ``card.json`` in ``folder``."""
    write_card(folder, json.loads((folder / CARD_FILE).read_text(encoding="utf-8")))


def readme(card: Mapping[str, Any]) -> str:
    """The card as Markdown. Every number in it comes from ``card``."""
    window = card["window"]
    sections = [
        f"# {card['name']} {card['version']}",
        "Generated from `card.json` by `python -m training.text.card`.",
        card["description"],
        "\n".join(f"- **{head}**: {', '.join(labels)}" for head, labels in card["labels"].items()),
        f"Texts are read in windows of {window['tokens']} tokens, which overlap by {window['overlap']}.",
        _encoder(card["encoder"]),
        f"**Licence:** {card['licence']}",
        *_training(card),
        "## Calibration and quantisation",
        _calibration(card["calibration"]),
        _quantization(card["quantization"]),
        "## Results",
        *(
            [tables(card["results"]["test"])]
            if "test" in card["results"]
            else ["It is not evaluated yet: `python -m training text evaluate` does it."]
        ),
        "## Limits",
        "\n".join(f"- {limit}" for limit in card["limits"]),
        "## Provenance",
        table(("what", "value"), _provenance(card)),
    ]
    return "\n\n".join(sections) + "\n"


def _encoder(encoder: Mapping[str, Any]) -> str:
    return (
        f"**Encoder:** {encoder['name']} ({encoder['licence']}), from {encoder['source']}; sha256 of the weights "
        f"`{encoder['sha256']}`"
    )


def _training(card: Mapping[str, Any]) -> Iterator[str]:
    """What it was trained on, and how that went; nothing for a model that was adopted as it is."""
    if "training_data" not in card:
        return
    yield "## Training"
    yield table(
        ("data set", "licence", "texts trained on", "dev", "test", "labels"),
        (
            (data["name"], data["licence"], data["train_used"], data["dev"], data["test"], data["mapping"])
            for data in card["training_data"]
        ),
    )
    yield "Macro F1 on the dev parts as it was trained; the best mean was kept."
    history = card["results"]["dev_macro_f1"]
    tasks = [key for key in history[0] if key != "step"]
    rows = [[score["step"], *(score[task] for task in tasks)] for score in history]
    yield table(
        ("step", *tasks, "mean"),
        ((row[0], *(f"{value:.3f}" for value in row[1:]), f"{sum(row[1:]) / len(tasks):.3f}") for row in rows),
    )


def _calibration(calibration: Mapping[str, Any]) -> str:
    temperatures = ", ".join(f"{head} {value}" for head, value in calibration["temperatures"].items())
    return f"Temperatures by which logits are divided: {temperatures}; {calibration['method']}."


def _quantization(quantization: Mapping[str, Any]) -> str:
    kinds = [kind for kind in ("fp32", "int8") if kind in quantization]
    about = f"**{quantization['shipped']}** is what ships. "
    if not kinds:
        return about
    about += f"Measured: {quantization['measure']}; the limit of what int8 may miss is {quantization['limit']}."
    rows = ((task, *(quantization[kind][task] for kind in kinds)) for task in quantization[kinds[0]])
    return about + "\n\n" + table(("", *kinds), rows)


def _provenance(card: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    for key, title in (("commit", "trained at commit"), ("export_commit", "exported at commit")):
        if key in card:
            yield title, f"`{card[key]}`"
    if "data_fingerprint" in card:
        yield "data fingerprint", f"`{card['data_fingerprint']}`"
    yield from card.get("configuration", {}).items()
    yield from card.get("libraries", {}).items()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=refresh.__doc__)
    parser.add_argument("folder", type=Path)
    refresh(parser.parse_args().folder)
