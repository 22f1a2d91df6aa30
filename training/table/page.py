"""The report of the table for people."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from training.card import FEATURES, with_interval
from training.models import TITLES
from training.text.markdown import table

_COMPARED: Final = ("calm", "disgust")
_PROTOCOLS: Final = {"paper": "random split", "speaker-independent": "speakers apart"}
_BANDS: Final = ("wideband", "telephone")

Row = Mapping[str, Any]


def page(document: Mapping[str, Any]) -> str:
    """``table.json`` as Markdown."""
    rows: Sequence[Row] = document["rows"]
    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    sections = [
        "# The paper's models, evaluated honestly",
        "Written by `python -m training table --report` from the results in `runs/`; `python -m training table --data "
        "DIR` makes those, and takes up where it was interrupted. All figures, confusion matrices included, are in "
        "`table.json`.",
        "- **paper** is the figure that the paper reports: a random split in which each actor is on both sides.\n"
        "- **random split** is that protocol here, 80:20 with copies of one recording kept together. It flatters: the "
        "models have heard every test speaker in training ([leakage.md](leakage.md) shows by how much).\n"
        "- **speakers apart** is what to expect for a caller nobody has heard before.\n"
        "- **telephone** is the same test clips through an 8 kHz, 300-3400 Hz, µ-law line. One model answers for both "
        "bands.\n"
        "- The last rows go beyond the paper: **Whisper encoder** starts with the first layers of a speech recogniser, "
        "**distilled** learns from such an encoder, too, **beside CREMA-D** from that corpus's clips, too.\n"
        "- Brackets hold 95 % intervals from a bootstrap over speakers. UAR is the mean of the class recalls. "
        "**folds** says how many of the five of each protocol have been run; with fewer the intervals are wider.\n"
        "- Epoch and temperature were chosen on validation clips, never on the test fold. The settings were explored "
        "on the first fold of speakers and the first random split, with their test figures in view: take all figures "
        "as slightly optimistic.",
    ]
    for corpus in corpora:
        own = [row for row in rows if row["corpus"] == corpus]
        chance = 100 / len(next(iter(_figures(own[0]).values()))["recall"])
        sections += [
            f"## {corpus}",
            f"Accuracy, and UAR with speakers apart; chance is {chance:.1f} %. Data fingerprint "
            f"`{own[0]['fingerprint'][:16]}…`.",
            table(
                (
                    *("model", "features", "paper", "random split", "telephone"),
                    *("speakers apart", "UAR", "telephone", "UAR", "folds"),
                ),
                map(_accuracies, own),
            ),
        ]
    short = list(_shortfalls(rows))
    sections += [
        "## Beside the paper's figures",
        "\n".join(short) if short else "No row with a figure of the paper has been run.",
        *(["## Beside what was aimed at", "\n".join(aims)] if (aims := list(_aims(rows))) else []),
        "## Calm and disgust",
        "The paper's Table 2 singles these two out. Wideband.",
        table(("model", "features", "protocol", "class", "precision", "recall", "F1"), _table_two(rows)),
        "## What a model costs",
        "CPU time of one run on one core, and of one window of three seconds in the service (features and network, one "
        "thread). The last column is the largest difference of any probability between the trained model and its ONNX "
        "file, over all runs.",
        table(
            ("row", "parameters", "ONNX, kB", "ms a window", "minutes a run", "epochs", "ONNX differs by"),
            map(_costs, rows),
        ),
    ]
    if document["comparisons"]:
        sections += [
            "## One thing changed",
            "Accuracy as it is and with the change, on the same splits, and by how much it rises: bold where the "
            "brackets, for which the same speakers are drawn on both sides, leave 0 out.",
            table(
                ("row", "with", "random split", "telephone", "speakers apart", "telephone", "folds"),
                map(_comparison, document["comparisons"]),
            ),
        ]
    pictures = [file for row in rows for file in row["pictures"]]
    if pictures:
        sections += ["## Pictures", "\n".join(f"![{Path(file).stem}]({file})" for file in pictures)]
    if document["missing"]:
        sections += ["## Not run yet", ", ".join(document["missing"]) + "."]
    return "\n\n".join(sections) + "\n"


def _figures(row: Row) -> Mapping[str, Any]:
    """The bands of one of the protocols."""
    bands: Mapping[str, Any] = next(iter(row["protocols"].values()))
    return bands


def _named(row: Row) -> tuple[str, str]:
    features = "combined" if len(row["features"]) > 1 else FEATURES[row["features"][0]]
    distilled = ", distilled" if row["teacher"] else ""
    beside = f", beside {row['beside']}" if row["beside"] else ""
    return TITLES[row["model"]] + distilled + beside, features


def _cells(row: Row, protocol: str, figures: Sequence[str]) -> list[str]:
    """Wideband, then telephone, each with ``figures``."""
    bands = row["protocols"].get(protocol)
    if bands is None:
        return ["–"] * (2 * len(figures))
    return [with_interval(bands[band], figure) for band in _BANDS for figure in figures]


def _accuracies(row: Row) -> list[str]:
    paper = f"{row['paper']:.1f} %" if row["paper"] is not None else "–"
    return [
        *_named(row),
        paper,
        *_cells(row, "paper", ["accuracy"]),
        *_cells(row, "speaker-independent", ["accuracy", "uar"]),
        _folds(row),
    ]


def _folds(row: Row) -> str:
    runs = (row["protocols"].get(protocol) for protocol in _PROTOCOLS)
    return " + ".join(str(bands["wideband"]["folds"] if bands else 0) for bands in runs)


def _shortfalls(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row["paper"] is not None and "paper" in row["protocols"]:
            yield from _beside(row, "paper", row["paper"], "the paper's {:.1f} %")


def _aims(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row["aim"] is not None and "speaker-independent" in row["protocols"]:
            yield from _beside(row, "speaker-independent", row["aim"], "the {:.1f} % that was aimed at, speakers apart")


def _beside(row: Row, protocol: str, wanted: float, called: str) -> Iterator[str]:
    figures = row["protocols"][protocol]["wideband"]
    gap = 100 * figures["accuracy"] - wanted
    low, high = (100 * value for value in figures["accuracy_interval"])
    verdict = f"{gap:.1f} points above" if gap >= 0 else f"**{-gap:.1f} points short of**"
    within = ", which lies within the interval" if low <= wanted <= high and gap < 0 else ""
    yield f"- {row['corpus']}, {' on '.join(_named(row))}: {verdict} {called.format(wanted)}{within}."
    if gap < 0 and row["tried"]:
        yield f"  - Tried: {row['tried']}"


def _table_two(rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        for protocol, bands in row["protocols"].items():
            for label in _COMPARED:
                if label in bands["wideband"]["recall"]:
                    figures = [bands["wideband"][figure][label] for figure in ("precision", "recall", "f1")]
                    yield [*_named(row), _PROTOCOLS[protocol], label, *(f"{figure:.2f}" for figure in figures)]


def _costs(row: Row) -> list[str]:
    return [
        row["name"],
        f"{row['parameters']:,}",
        f"{row['onnx_bytes'] / 1000:,.0f}",
        f"{row['latency_ms']:.1f}",
        f"{row['cpu_minutes']:.1f}",
        f"{row['epochs']:g}" if row["model"] != "random_forest" else "–",
        f"{row['onnx_difference']:.0e}",
    ]


def _comparison(comparison: Mapping[str, Any]) -> list[str]:
    before, after = comparison["sides"]
    cells = []
    for protocol in _PROTOCOLS:
        for band in _BANDS:
            if protocol in comparison["gains"]:
                was, now = (side["protocols"][protocol][band]["accuracy"] for side in (before, after))
                gain = comparison["gains"][protocol][band]
                low, high = gain["gain_interval"]
                rise = f"{100 * gain['gain']:+.1f}"
                if low > 0 or high < 0:
                    rise = f"**{rise}**"
                cells.append(f"{100 * was:.1f} → {100 * now:.1f} %: {rise} ({100 * low:+.1f} to {100 * high:+.1f})")
            else:
                cells.append("–")
    return [before["name"], f"{after['name']}: {comparison['what']}", *cells, _folds(after)]
