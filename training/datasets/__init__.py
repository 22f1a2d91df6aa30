"""Readers for the emotion corpora in their official layouts."""

from training.datasets.clips import Clip, Corpus, CorpusError
from training.datasets.crema_d import read_crema_d
from training.datasets.emogator import read_emogator
from training.datasets.meld import read_meld_audio
from training.datasets.ravdess import read_ravdess
from training.datasets.savee import read_savee
from training.datasets.tess import read_tess

__all__ = [
    "Clip",
    "Corpus",
    "CorpusError",
    "read_crema_d",
    "read_emogator",
    "read_meld_audio",
    "read_ravdess",
    "read_savee",
    "read_tess",
]
