"""What the quality of resampling does to sound, and whether a model's figure shows it.

    python -m training resampling --data DIR

Three questions of every resampler: how much of what 16 kHz cannot hold folds back as sound that was never there, what a
minute of sound costs, and how right a model is that hears a corpus through it.
"""

import argparse

from training import demonstration
from training.datasets import Corpus
from training.resampling.accuracy import accuracies
from training.resampling.page import page
from training.resampling.resamplers import RESAMPLERS
from training.resampling.sound import RATES, cpu_seconds, tones

_LIBRARIES = ("av", "numpy", "scikit-learn", "scipy", "soxr")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    demonstration.add_arguments(parser, corpus="emogator")


def run(options: argparse.Namespace) -> None:
    demonstration.publish("resampling", options, measure, page)


def measure(corpus: Corpus) -> demonstration.Document:
    """All that the page shows.

    Raises:
        CorpusError: a file is not audio, or is not above 16 kHz; the message names them all.
    """
    return {
        "tones": {name: {str(rate): tones(resample, rate) for rate in RATES} for name, resample in RESAMPLERS.items()},
        "cpu_seconds_a_minute": cpu_seconds(),
        "model": demonstration.MODEL,
        "labels": corpus.labels,
        **accuracies(corpus),
        **demonstration.made_with(corpus, _LIBRARIES),
    }
