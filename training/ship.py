"""``training ship``: from a corpus to a model with a card that the service loads."""

import argparse
import os
from pathlib import Path

from training import ARTEFACTS, REPORTS
from training.configuration import SHIPPED, read, shipped


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
    parser.add_argument("configuration", help=f"a TOML file of your own, or one of {names}")
    parser.add_argument("--data", type=Path, required=True, help="the folder of its corpus in the official layout")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where features and runs are kept (%(default)s)"
    )
    parser.add_argument(
        "--results", type=Path, default=REPORTS / "runs", help="where results are kept (training/reports/runs)"
    )
    parser.add_argument("--out", type=Path, default=ARTEFACTS, help="where the artefact goes (onnx_models)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs side by side (%(default)s)")


def run(options: argparse.Namespace) -> None:
    # Imported late: the libraries take seconds.
    from training.experiment import FOLDS, Experiment
    from training.runs import Job, run_all
    from training.shipping import ship

    named = options.configuration
    configuration = read(Path(named)) if named.endswith(".toml") else shipped(named)
    experiment = Experiment(configuration, options.data, options.runs, options.results)
    run_all([Job(experiment, split) for split in FOLDS], workers=options.workers)
    card = ship(experiment, options.out / configuration.name)
    for protocol, bands in card["protocols"].items():
        for band, figures in bands.items():
            print(f"{protocol}, {band}: accuracy {figures['accuracy']:.3f}, UAR {figures['uar']:.3f}")
