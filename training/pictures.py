"""Pictures of what the corpora sound like, for the reports: the paper's Figures 3 and 4 of chosen clips."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.emotions import PROXIES
from training.datasets import Clip, Corpus, emogator, ravdess, read_emogator, read_ravdess


@dataclass(frozen=True)
class _Source:
    """A corpus, the clips that stand for it, and whose they are."""

    name: str
    read: Callable[[Path], Corpus]
    clips: tuple[str, ...]
    credit: str


SOURCES: Final = {
    # One actress, one sentence, spoken strongly: calm, happy, angry, disgust.
    "ravdess": _Source(
        ravdess.NAME,
        read_ravdess,
        tuple(f"03-01-{emotion:02}-02-01-01-24" for emotion in (2, 3, 5, 7)),
        f"Made from recordings of RAVDESS (Livingstone & Russo 2018, doi:10.5281/zenodo.1188976), {ravdess.LICENCE}",
    ),
    "emogator": _Source(
        emogator.NAME,
        read_emogator,
        tuple(f"000001-{category:02}-1" for category in emogator.CATEGORIES),
        f"Made from recordings of EmoGator (Buhl 2023, arXiv:2301.00508), {emogator.LICENCE}",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds ravdess/ and emogator/")
    parser.add_argument("--corpus", choices=SOURCES, nargs="+", default=list(SOURCES), help="which (default: all)")
    parser.add_argument(
        "--clips", nargs="+", metavar="KEY", help="clips to show, by file name without its ending (default: one a kind)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("training/reports/pictures"), help="where they go (%(default)s)"
    )


def run(options: argparse.Namespace) -> None:
    """Write ``<corpus>_features.png`` of the chosen clips and ``<corpus>_changes.png`` of the first of them.

    Raises:
        CorpusError: a corpus is not whole.
        SystemExit: a clip is in none of the corpora.
    """
    chosen = {}
    for name in options.corpus:
        source = SOURCES[name]
        clips = {clip.key: clip for clip in source.read(options.data / name).clips}
        chosen[name] = [clips[key] for key in options.clips or source.clips if key in clips]
    unknown = set(options.clips or ()) - {clip.key for shown in chosen.values() for clip in shown}
    if unknown:
        raise SystemExit(f"in none of {', '.join(options.corpus)}: {', '.join(sorted(unknown))}")
    for name, shown in chosen.items():
        if shown:
            _draw(name, shown, options.out)


def _draw(name: str, clips: Sequence[Clip], out: Path) -> None:
    # Imported late: matplotlib takes a second.
    from training.features import active_span, read_clip
    from training.plots import Sound, changes_picture, features_picture

    source = SOURCES[name]
    sounds = []
    for clip in clips:
        samples, _ = read_clip(clip.path)
        proxy = f" ({PROXIES[clip.label]})" if clip.label in PROXIES else ""
        sounds.append(Sound(clip.label + proxy, clip.key, samples[active_span(samples)]))
    features, changes = out / f"{name}_features.png", out / f"{name}_changes.png"
    features_picture(sounds, f"{source.name}: features as the models get them", source.credit, features)
    changes_picture(sounds[0], source.credit, changes)
    print(features, changes, sep="\n")
