"""Readers for the emotion corpora in their official layouts."""

from training.datasets.clips import Clip, Corpus, CorpusError
from training.datasets.emogator import read_emogator
from training.datasets.ravdess import read_ravdess

__all__ = ["Clip", "Corpus", "CorpusError", "read_emogator", "read_ravdess"]
