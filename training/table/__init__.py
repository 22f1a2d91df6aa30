"""``training table``: every model of the paper, under both protocols and in both bands."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from training import ARTEFACTS, REPORTS
from training.configuration import Configuration, shipped
from training.experiment import PROTOCOLS, Experiment
from training.table import quick
from training.table.report import write_report
from training.table.rows import COMPARISONS, ROWS

RESULTS = REPORTS / "runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, help="the folder that holds ravdess and emogator, each in its official layout"
    )
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="only these rows (all)")
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS), help="only these (both)")
    parser.add_argument("--folds", type=int, choices=range(1, 6), default=5, help="of each protocol (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs side by side (%(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where features and states are kept")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept (training/reports/runs)")
    parser.add_argument("--out", type=Path, default=REPORTS, help="where the report goes (training/reports)")
    parser.add_argument(
        "--report", action="store_true", help="train nothing; write the report of the results there are"
    )
    parser.add_argument("--ship", action="store_true", help="then train each row on everything, for the service")
    parser.add_argument("--models", type=Path, default=ARTEFACTS, help="where shipped rows go (onnx_models)")
    parser.add_argument(
        "--quick", action="store_true", help="a rehearsal in minutes: tiny models, one epoch, one fold, a few clips"
    )


def run(options: argparse.Namespace) -> None:
    names = options.rows or [*(row.name for row in ROWS), *(other.name for other in COMPARISONS)]
    configurations = [shipped(name) for name in names]
    if not options.report:
        _train(configurations, options)
    write_report(options.results, options.out)


def _train(configurations: Sequence[Configuration], options: argparse.Namespace) -> None:
    # Imported late: a report needs none of it.
    from training.runs import Job, run_all
    from training.shipping import ship

    if options.data is None:
        raise SystemExit("training table: --data is needed to train; --report does without")
    folds = options.folds
    if options.quick:
        configurations, folds = [quick.smaller(configuration) for configuration in configurations], 1
    experiments = [
        Experiment(
            configuration,
            options.data / configuration.corpus.lower(),
            options.runs,
            options.results,
            clips=quick.few if options.quick else None,
        )
        for configuration in configurations
    ]
    # A fold of every row before the next fold of any: a table that is cut short has all its rows.
    splits = [split for fold in zip(*(PROTOCOLS[name] for name in options.protocols), strict=True) for split in fold]
    splits = splits[: len(options.protocols) * folds]
    run_all([Job(experiment, split) for split in splits for experiment in experiments], workers=options.workers)
    if options.ship:
        for experiment in experiments:
            ship(experiment, options.models / experiment.configuration.name)
