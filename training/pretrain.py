"""``training pretrain``: the weights that another configuration starts with."""

import argparse
from pathlib import Path

from training import REPORTS
from training.configuration import shipped

_SPLIT = "fold-1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("configuration", help="one that others start with, such as crema_d_student")
    parser.add_argument("--data", type=Path, required=True, help="the folder of its corpus in the official layout")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where features and runs are kept (%(default)s)"
    )
    parser.add_argument(
        "--results", type=Path, default=REPORTS / "runs", help="where results are kept (training/reports/runs)"
    )


def run(options: argparse.Namespace) -> None:
    """Train on the first fold: what it holds back chooses the epoch, and says how good the network is already."""
    # Imported late: the libraries take seconds.
    from training import train
    from training.experiment import Experiment
    from training.models.network import load
    from training.runs import Job, run_all
    from training.starts import pretrained

    experiment = Experiment(shipped(options.configuration), options.data, options.runs, options.results)
    run_all([Job(experiment, _SPLIT)], workers=1)
    folder = experiment.folder(_SPLIT)
    model = load(folder / train.STATE)
    model.load_weights(folder / train.BEST)
    path = pretrained(options.configuration, options.runs)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    print(f"Written to {path}")
