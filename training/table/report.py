"""The report of the table, from the results of runs alone."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from service.audio.features import FrontEnd
from training import card
from training.experiment import PROTOCOLS, Result, protocol_reports
from training.features import BANDS
from training.metrics import Tally, accuracy_gain
from training.table.page import page
from training.table.rows import ABLATIONS, BEYOND, COMPARISONS, ROWS, Comparison

PICTURES: Final = "pictures"
# The rows that pictures are drawn of: the best of each model.
PICTURED: Final = (
    *("ravdess_rf_mfcc", "ravdess_cnn1d_mfcc", "ravdess_cnn2d_mfcc", "ravdess_cnn_bilstm_combined"),
    "speech_encoder",
)


def write_report(results: Path, out: Path) -> None:
    """Write ``table.json``, ``table.md`` and the pictures of some rows to ``out``, from what is in ``results``."""
    rows = []
    for row in (*ROWS, *BEYOND):
        found = read_results(results / row.name)
        if found:
            pictures = draw(found, out / PICTURES) if row.name in PICTURED else []
            rows.append(
                {
                    "paper": row.paper,
                    "aim": row.aim,
                    "tried": row.tried,
                    **summary(found),
                    "pictures": [f"{PICTURES}/{name}" for name in pictures],
                }
            )
    comparisons = [pair for other in (*COMPARISONS, *ABLATIONS) if (pair := compared(other, results))]
    missing = [row.name for row in ROWS if row.name not in {done["name"] for done in rows}]
    document = {
        "rows": rows,
        "comparisons": comparisons,
        "missing": missing,
    }
    out.mkdir(parents=True, exist_ok=True)
    card.write_json(document, out / "table.json")
    (out / "table.md").write_text(page(document), encoding="utf-8")
    print(f"{len(ROWS) - len(missing)} of {len(ROWS)} rows are in {out / 'table.md'}")


def compared(comparison: Comparison, results: Path) -> dict[str, Any] | None:
    """Both sides on the splits that both have been run on, and what the change is worth there; None without any."""
    before, after = read_results(results / comparison.row), read_results(results / comparison.name)
    alike = {result["split"] for result in before} & {result["split"] for result in after}
    if not alike:
        return None
    sides = [[result for result in side if result["split"] in alike] for side in (before, after)]
    seed = sides[0][0]["configuration"]["seed"]
    gains = {
        protocol: {
            band: accuracy_gain(
                *(
                    Tally.sum(Tally.from_json(result["bands"][band]) for result in side if result["split"] in splits)
                    for side in sides
                ),
                seed=seed,
            )
            for band in BANDS
        }
        for protocol, splits in PROTOCOLS.items()
        if alike.intersection(splits)
    }
    return {"what": comparison.what, "sides": [summary(side) for side in sides], "gains": gains}


def read_results(folder: Path) -> list[Result]:
    """The results of one row, those of one identity: where there are several, the most frequent."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    if not found:
        return []
    identity = statistics.mode(result["identity"] for result in found)
    return [result for result in found if result["identity"] == identity]


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """One row: its figures, and what it costs."""
    first = results[0]
    return {
        "name": first["name"],
        "corpus": first["corpus"],
        "fingerprint": first["fingerprint"],
        "model": first["configuration"]["model"],
        "teacher": first["configuration"].get("teacher"),
        "beside": first["configuration"].get("beside"),
        "features": first["configuration"]["front_end"]["features"],
        "protocols": protocol_reports(results),
        "epochs": statistics.median(result["epochs"] for result in results),
        "cpu_minutes": round(statistics.median(result["cpu_seconds"] for result in results) / 60, 2),
        "parameters": round(statistics.median(result["parameters"] for result in results)),
        "onnx_bytes": round(statistics.median(result["onnx_bytes"] for result in results)),
        "onnx_difference": max(result["onnx_difference"] for result in results),
        "latency_ms": statistics.median(result["latency_ms"] for result in results),
        "commits": sorted({result["commit"] for result in results}),
    }


def draw(results: Sequence[Result], folder: Path) -> list[str]:
    """Confusion and calibration with speakers apart, of a network its curves and layers, too: files in ``folder``."""
    from training.models import FOREST, build
    from training.plots import confusion_picture, curves_picture, network_picture, reliability_picture

    protocol = "speaker-independent"
    folds = [result for result in results if result["split"] in PROTOCOLS[protocol]]
    if not folds:
        return []
    configuration, labels = folds[0]["configuration"], tuple(folds[0]["labels"])
    title = f"{configuration['name']}, {protocol}"
    files = {kind: f"{configuration['name']}_{kind}.png" for kind in ("confusion", "reliability", "curves", "network")}
    reports = protocol_reports(folds)[protocol]
    confusion_picture(reports, labels, f"{title}: per cent of each true class", folder / files["confusion"])
    bins: Mapping[str, Any] = {
        band: Tally.sum(Tally.from_json(result["bands"][band]) for result in folds).reliability for band in reports
    }
    reliability_picture(bins, title, folder / files["reliability"])
    if configuration["model"] == FOREST:
        return [files["confusion"], files["reliability"]]
    curves_picture(folds, title, folder / files["curves"])
    front_end = FrontEnd(**{**configuration["front_end"], "features": tuple(configuration["front_end"]["features"])})
    network = build(configuration["model"], front_end.shape, len(labels), configuration["network"])
    network_picture(network, configuration["name"], folder / files["network"])
    return list(files.values())
