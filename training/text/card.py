"""The model card: ``card.json`` is the record, ``README.md`` the same for people.

``python -m training.text.card FOLDER`` writes the README and SHA256SUMS of an artefact from its ``card.json`` again.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from service.inference.artefacts import CARD_FILE, write_sums

README_FILE = "README.md"


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``card.json`` and what is made from it into the artefact ``folder``."""
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    refresh(folder)


def refresh(folder: Path) -> None:
    """Write ``README.md`` and ``SHA256SUMS`` from the ``card.json`` in ``folder``."""
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    (folder / README_FILE).write_text(readme(card), encoding="utf-8")
    write_sums(folder)


def readme(card: Mapping[str, Any]) -> str:
    """The card as Markdown. Every number in it comes from ``card``."""
    encoder, calibration, quantization = card["encoder"], card["calibration"], card["quantization"]
    sections = [
        f"# {card['name']} {card['version']}",
        "Generated from `card.json` by `python -m training.text.card`.",
        card["description"],
        f"**Labels:** {', '.join(card['labels'])}",
        f"**Encoder:** {encoder['name']} ({encoder['licence']}), from {encoder['source']}; sha256 of the weights "
        f"`{encoder['sha256']}`",
        f"**Licence:** {card['licence']}",
        "## Training data",
        _table(
            ("data set", "licence", "texts trained on", "dev", "test", "classes"),
            (
                (data["name"], data["licence"], data["train_used"], data["dev"], data["test"], data["mapping"])
                for data in card["training_data"]
            ),
        ),
        "## Results",
        "On the data sets' own test parts, after the same choice of texts as in training. Brackets hold 95 % "
        f"bootstrap intervals over texts. **{quantization['shipped']}** is what ships.",
        *(
            part
            for name, figures in card["results"]["test"].items()
            for part in (f"### {name}", _figures(card["labels"], figures))
        ),
        "## Calibration and quantisation",
        f"Logits are divided by a temperature of {calibration['temperature']}, {calibration['method']}. "
        f"Macro F1 on the dev parts, mean over the data sets: {quantization['dev_macro_f1']['fp32']} in fp32, "
        f"{quantization['dev_macro_f1']['int8']} in int8, which may lose at most {quantization['loss_limit']} to ship.",
        "## Limits",
        "\n".join(f"- {limit}" for limit in card["limits"]),
        "## Provenance",
        _table(
            ("what", "value"),
            (
                ("trained at commit", f"`{card['commit']}`"),
                ("exported at commit", f"`{card['export_commit']}`"),
                ("data fingerprint", f"`{card['data_fingerprint']}`"),
                ("seed", card["seed"]),
                *((name, value) for name, value in card["configuration"].items() if name != "seed"),
                *card["libraries"].items(),
            ),
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _figures(labels: Iterable[str], figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = {
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "weighted_f1": "weighted F1",
        **{f"recall_{label}": f"recall, {label}" for label in labels},
        "expected_calibration_error": "expected calibration error",
    }
    return _table(
        ("figure", *figures),
        ((title, *(_interval(result[key]) for result in figures.values())) for key, title in rows.items()),
    )


def _interval(figure: Mapping[str, Any]) -> str:
    low, high = figure["interval_95"]
    return f"{figure['value']:.3f} [{low:.3f}, {high:.3f}]"


def _table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=refresh.__doc__)
    parser.add_argument("folder", type=Path)
    refresh(parser.parse_args().folder)
