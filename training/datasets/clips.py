"""A corpus as a list of labelled clips, and what is wrong with its files."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".m4a"})


class CorpusError(Exception):
    """Files of a corpus cannot be used. The message names every one of them and says what to do."""

    def __init__(self, corpus: str, problems: Sequence[str]) -> None:
        shown = list(problems[:50])
        if len(problems) > len(shown):
            shown.append(f"... and {len(problems) - len(shown)} more")
        lines = "\n".join(f"  - {problem}" for problem in shown)
        super().__init__(f"{corpus} cannot be used as it is; download these files again or remove them:\n{lines}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording. ``key`` names it within its corpus; ``speaker`` is what splits keep apart."""

    key: str
    path: Path
    label: str
    speaker: str


@dataclass(frozen=True)
class Corpus:
    """Every clip of a corpus, sorted by key, with ``notes`` on oddities that were survived."""

    name: str
    labels: tuple[str, ...]
    clips: tuple[Clip, ...]
    notes: tuple[str, ...]

    def fingerprint(self) -> str:
        """SHA-256 over the names and bytes of all clips, in order."""
        digest = hashlib.sha256()
        for clip in self.clips:
            digest.update(f"{clip.key}\0{clip.label}\0{clip.speaker}\0".encode())
            digest.update(hashlib.sha256(clip.path.read_bytes()).digest())
        return digest.hexdigest()


def audio_files(folder: Path, corpus: str) -> tuple[list[Path], list[str]]:
    """The audio files below ``folder`` and a note on everything else that lies there.

    Raises:
        CorpusError: ``folder`` is not a folder.
    """
    if not folder.is_dir():
        raise CorpusError(corpus, [f"{folder} is not a folder; name the one that the archive unpacks to"])
    audio = []
    notes = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        # "._a01.wav" is what macOS writes beside a01.wav; it holds no audio.
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith("._"):
            audio.append(path)
        else:
            notes.append(f"{path.relative_to(folder)}: not an audio file, left out")
    return audio, notes


def twice(keys: Iterable[tuple[str, Path]]) -> list[str]:
    """A problem for each key that more than one file claims."""
    seen: dict[str, Path] = {}
    problems = []
    for key, path in keys:
        if key in seen:
            problems.append(f"{path}: the same clip as {seen[key]}; keep one of them")
        seen.setdefault(key, path)
    return problems
