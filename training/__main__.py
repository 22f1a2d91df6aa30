"""``python -m training``: one command for each thing that the service is shipped with."""

import argparse
import os
import sys

from training import (
    adaptation,
    corpora,
    download,
    fusion,
    leakage,
    pictures,
    resampling,
    sample_call,
    ship,
    table,
    text,
    voice_activity,
)
from training.configuration import ConfigurationError
from training.datasets.clips import CorpusError
from training.experiment import NotExportedError
from training.models.whisper import WeightsError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=about, description=about)

    for name, about, module in (
        ("table", "Train and evaluate every model of the paper, and write the report. Resumes.", table),
        ("ship", "Train, evaluate and export one model for the service. Resumes.", ship),
        ("text", "Make and evaluate the models that read texts.", text),
        ("leakage", "Show what a split that leaks does to a figure.", leakage),
        ("resampling", "Measure what the quality of resampling does to a figure.", resampling),
        ("corpora", "Test models on other corpora.", corpora),
        ("adaptation", "Test whether a model hears a speaker better for having heard him before.", adaptation),
        ("fusion", "Fit and test what the voice weighs beside the words.", fusion),
        ("pictures", "Draw what the corpora sound like.", pictures),
        ("download", "Fetch a corpus from its official home. Resumes.", download),
        ("voice-activity", "Take Silero's voice activity detector out of its package.", voice_activity),
        ("sample-call", "Synthesise the sample call that the README posts.", sample_call),
    ):
        subparser = command(name, about)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)

    options = parser.parse_args(arguments)
    # A library's notices of its own are not progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
    except (ConfigurationError, CorpusError, NotExportedError, WeightsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
