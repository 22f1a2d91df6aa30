"""Decoded once, computed once: every clip of a corpus as log-mel frames, cached on disk.

Two things are kept for each clip. For training, the log-mel frames of several *variants* (wideband, telephone, codecs,
noise, other paces), from which windows are cut at random. For evaluation, the clip in pieces as the service cuts them,
wideband and telephone. Silence around a clip is left out by level here; the service leaves it out by voice activity.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from service.audio.decode import Limits, decode
from service.audio.features import Floats, FrontEnd, mel_power, power_to_db
from service.audio.segments import equal_pieces, windows
from service.audio.vad import Region
from service.problems import Problem
from training.channel import at_speed, noisy, telephone, through_codec
from training.datasets import Clip, Corpus, CorpusError

BANDS = ("wideband", "telephone")
VARIANTS = (
    "wideband",
    "telephone",
    "wideband, slower, noisy",
    "telephone, faster, noisy",
    "wideband, faster, mp3",
    "telephone, slower, amr",
    "wideband, opus, noisy",
    "telephone, noisy",
)
_LIMITS = Limits(max_seconds=60, max_channels=2)
_QUIET_DB = 40.0
_MARGIN = 800
_SAME_DB = 0.5
_REVISION = 1  # raise when what is computed here changes


@dataclass(frozen=True)
class Features:
    """The cached arrays of a corpus.

    ``frames[v]`` (frames, n_mels) holds the dB log-mel of every clip in variant ``v``, clip ``i`` from ``starts[v, i]``
    to ``starts[v, i + 1]``. ``windows[band]`` (windows, frames, n_mels) are model inputs, ``owner`` says whose.
    ``recordings`` names, for each clip, the first clip that is the same recording.
    """

    frames: tuple[NDArray[np.float16], ...]
    starts: NDArray[np.int64]
    windows: dict[str, NDArray[np.float16]]
    owner: NDArray[np.int64]
    recordings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Computed:
    frames: tuple[NDArray[np.float16], ...]
    windows: tuple[NDArray[np.float16], ...]
    stereo: bool


def load_features(corpus: Corpus, front_end: FrontEnd, cache: Path, *, workers: int, seed: int) -> Features:
    """The features of ``corpus``, from ``cache`` when they were computed before.

    Raises:
        CorpusError: a file is truncated or not audio.
    """
    identity = [corpus.fingerprint(), asdict(front_end), VARIANTS, seed, _REVISION]
    folder = cache / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    if not (folder / "notes.json").exists():
        _compute(corpus, front_end, folder, workers=workers, seed=seed)
    described = json.loads((folder / "notes.json").read_text(encoding="utf-8"))
    return Features(
        tuple(np.load(folder / f"frames-{index}.npy", mmap_mode="r") for index in range(len(VARIANTS))),
        np.load(folder / "starts.npy"),
        {band: np.load(folder / f"windows-{band}.npy", mmap_mode="r") for band in BANDS},
        np.load(folder / "owner.npy"),
        tuple(described["recordings"]),
        tuple(described["notes"]),
    )


def _compute(corpus: Corpus, front_end: FrontEnd, folder: Path, *, workers: int, seed: int) -> None:
    problems: list[str] = []
    computed: list[_Computed] = []
    work = partial(_attempt, front_end=front_end, seed=seed)
    with ProcessPoolExecutor(workers) as pool:
        results: Iterator[_Computed | str] = pool.map(work, enumerate(corpus.clips), chunksize=8)
        for result in tqdm(results, total=len(corpus.clips), desc=f"{corpus.name}: features", unit="clip"):
            if isinstance(result, str):
                problems.append(result)
            else:
                computed.append(result)
    if problems:
        raise CorpusError(corpus.name, problems)
    folder.mkdir(parents=True, exist_ok=True)
    starts = []
    for index in range(len(VARIANTS)):
        frames = [clip.frames[index] for clip in computed]
        np.save(folder / f"frames-{index}.npy", np.concatenate(frames))
        starts.append(np.cumsum([0, *map(len, frames)]))
    np.save(folder / "starts.npy", np.stack(starts))
    for index, band in enumerate(BANDS):
        np.save(folder / f"windows-{band}.npy", np.concatenate([clip.windows[index] for clip in computed]))
    counts = [len(clip.windows[0]) for clip in computed]
    np.save(folder / "owner.npy", np.repeat(np.arange(len(counts)), counts))
    recordings = same_recordings([clip.frames[0] for clip in computed])
    described = {
        "recordings": [corpus.clips[index].key for index in recordings],
        "notes": [*_stereo(corpus, computed), *_duplicates(corpus, recordings)],
    }
    # Written last: its presence says that the folder is complete.
    (folder / "notes.json").write_text(json.dumps(described), encoding="utf-8")


def _stereo(corpus: Corpus, computed: list[_Computed]) -> list[str]:
    keys = [clip.key for clip, result in zip(corpus.clips, computed, strict=True) if result.stereo]
    return [f"{len(keys)} stereo files, their channels averaged: {', '.join(keys)}"] if keys else []


def _duplicates(corpus: Corpus, recordings: list[int]) -> list[str]:
    return [
        f"{corpus.clips[index].key}: the same recording as {corpus.clips[first].key}, on one side of every split"
        for index, first in enumerate(recordings)
        if first != index
    ]


def same_recordings(spectra: Sequence[NDArray[np.float16]]) -> list[int]:
    """For each of ``spectra`` (frames, n_mels) in dB, the index of the first that is the same recording.

    Copies of one recording need not be equal to the bit (they may have been through different files): spectra of equal
    length that differ by less than 0.5 dB on average are taken for one; different takes differ by 5 dB and more.
    """
    first = list(range(len(spectra)))
    for length in sorted({len(spectrum) for spectrum in spectra}):
        members = [index for index, spectrum in enumerate(spectra) if len(spectrum) == length]
        flat = np.stack([spectra[index].ravel() for index in members]).astype(np.float32)
        for later in range(1, len(members)):
            gap = np.abs(flat[:later] - flat[later]).mean(axis=1)
            if gap.min() < _SAME_DB:
                first[members[later]] = first[members[int(gap.argmin())]]
    return first


def _attempt(numbered: tuple[int, Clip], *, front_end: FrontEnd, seed: int) -> _Computed | str:
    index, clip = numbered
    try:
        samples, stereo = read_clip(clip.path)
    except (Problem, OSError, ValueError) as error:
        return f"{clip.path}: {error}"
    rng = np.random.default_rng([seed, index])
    speech = samples[active_span(samples)]
    frames = tuple(_frames(variant, front_end) for variant in _variants(speech, rng))
    inputs = tuple(
        front_end(windows(band, equal_pieces(Region(0, len(band))))).astype(np.float16)
        for band in (speech, telephone(speech))
    )
    return _Computed(frames, inputs, stereo)


def read_clip(path: Path) -> tuple[Floats, bool]:
    """The clip as mono 16 kHz samples, and whether the file was stereo.

    Raises:
        Problem: the file is empty or not audio.
        ValueError: the file is damaged, or ends before its header says so.
    """
    claimed = claimed_seconds(path)
    with path.open("rb") as file:
        recording = decode(file, _LIMITS)
    if recording.damaged:
        raise ValueError("damaged: part of it cannot be decoded")
    if recording.duration_ms < 1000 * claimed - 100:
        raise ValueError(
            f"truncated: {recording.duration_ms / 1000:.2f} s of the {claimed:.2f} s that its header claims"
        )
    return recording.samples.mean(axis=0), len(recording.samples) > 1


def claimed_seconds(path: Path) -> float:
    """The length that the header claims, in seconds; 0 when it claims none."""
    with path.open("rb") as file:
        head = file.read(8)
    with av.open(str(path)) as container:
        seconds: float = (container.duration or 0) / av.time_base
    if head[:4] == b"RIFF":
        # FFmpeg trusts the size of a truncated WAV file over its header.
        claimed = int.from_bytes(head[4:], "little") + 8
        return seconds * max(1.0, claimed / path.stat().st_size)
    return seconds


def active_span(samples: Floats) -> slice:
    """From the first to the last 20 ms that are less than 40 dB below the loudest, with 50 ms around them."""
    step = 320
    blocks = samples[: len(samples) // step * step].reshape(-1, step)
    level = 10 * np.log10(np.mean(np.square(blocks), axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max(initial=-120) - _QUIET_DB)
    if not len(loud):
        return slice(0, len(samples))
    return slice(max(0, int(loud[0]) * step - _MARGIN), min(len(samples), (int(loud[-1]) + 1) * step + _MARGIN))


def _variants(samples: Floats, rng: np.random.Generator) -> Iterator[Floats]:
    """As :data:`VARIANTS` lists them."""
    slower, faster = rng.uniform(0.85, 0.97), rng.uniform(1.03, 1.18)
    snr = rng.uniform(8, 30, size=4)
    yield samples
    yield telephone(samples)
    yield noisy(at_speed(samples, slower), snr[0], rng)
    yield telephone(noisy(at_speed(samples, faster), snr[1], rng))
    yield through_codec(at_speed(samples, faster), "mp3")
    yield through_codec(telephone(at_speed(samples, slower)), "amr")
    yield through_codec(noisy(samples, snr[2], rng), "opus")
    yield telephone(noisy(samples, snr[3], rng))


def _frames(samples: Floats, front_end: FrontEnd) -> NDArray[np.float16]:
    power = mel_power(
        samples,
        front_end.sample_rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
    )
    return power_to_db(power).astype(np.float16)
