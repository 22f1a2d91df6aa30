"""Decoded once, computed once: every clip of a corpus as frames of log-mel, chroma and ZCR, cached on disk.

Two things are kept for each clip. For training, the frames of several *variants* (wideband, telephone, codecs, noise,
other pitches, paces and levels), from which windows are cut at random. For evaluation, the clip in pieces as the
service cuts them, wideband and telephone. Silence around a clip is left out by level here; the service leaves it out
by voice activity.
"""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from service.audio.decode import Limits, decode
from service.audio.features import CHROMA, Floats, FrontEnd
from service.audio.segments import equal_pieces, windows
from service.audio.vad import Region
from service.problems import Problem
from training.channel import at_pitch, at_speed, at_tempo, at_volume, noisy, telephone, through_codec
from training.datasets import Clip, Corpus, CorpusError

_Put = TypeVar("_Put")
_Got = TypeVar("_Got")

BANDS = ("wideband", "telephone")
VARIANTS = (
    "wideband",
    "telephone",
    "wideband, pitch, noise",
    "telephone, pitch, noise",
    "wideband, tempo, mp3",
    "telephone, tempo, amr",
    "wideband, speed, opus, noise",
    "telephone, speed, noise",
)
_LIMITS = Limits(max_seconds=60, max_channels=8)
_QUIET_DB = 40.0
_MARGIN = 800
_SAME_DB = 0.5
_DESCRIPTION = "description.json"
REVISION = 3  # raise when what is computed here changes


@dataclass(frozen=True)
class Features:
    """The cached arrays of a corpus.

    ``frames[v]`` (frames, columns) holds every clip in variant ``v``, clip ``i`` from ``starts[v, i]`` to
    ``starts[v, i + 1]``; ``columns`` says where log-mel in dB, chroma and ZCR are. ``windows[band]`` (windows, frames,
    columns) are the pieces to evaluate on, ``owner`` says whose. ``recordings`` names, for each clip, the first clip
    that is the same recording.
    """

    frames: tuple[NDArray[np.float16], ...]
    starts: NDArray[np.int64]
    windows: dict[str, NDArray[np.float16]]
    owner: NDArray[np.int64]
    recordings: tuple[str, ...]
    notes: tuple[str, ...]
    columns: dict[str, slice]

    def inputs(self, band: str, chosen: NDArray[np.int64], front_end: FrontEnd) -> Floats:
        """What a model with ``front_end`` is given for the windows ``chosen``: (N, *front_end.shape)."""
        windows = self.windows[band][chosen]
        return front_end.compose({name: windows[..., at].astype(np.float32) for name, at in self.columns.items()})


def columns_of(front_end: FrontEnd) -> dict[str, slice]:
    mel, chroma = front_end.n_mels, front_end.n_mels + CHROMA
    return {"mel": slice(0, mel), "chroma": slice(mel, chroma), "zcr": slice(chroma, chroma + 1)}


@dataclass(frozen=True)
class _Computed:
    frames: tuple[NDArray[np.float16], ...]
    windows: tuple[NDArray[np.float16], ...]
    stereo: bool


def load_features(corpus: Corpus, front_end: FrontEnd, cache: Path, *, workers: int, seed: int) -> Features:
    """The features of ``corpus``, from ``cache`` when they were computed before for frames of this length and step.

    Raises:
        CorpusError: a file is truncated or not audio.
    """
    prepare(corpus, [front_end], cache, workers=workers, seed=seed)
    measured = _measurement(front_end)
    folder = cache / _key(corpus, measured, seed)
    described = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return Features(
        tuple(np.load(folder / f"frames-{index}.npy", mmap_mode="r") for index in range(len(VARIANTS))),
        np.load(folder / "starts.npy"),
        {band: np.load(folder / f"windows-{band}.npy", mmap_mode="r") for band in BANDS},
        np.load(folder / "owner.npy"),
        tuple(described["recordings"]),
        tuple(described["notes"]),
        columns_of(measured),
    )


def prepare(corpus: Corpus, front_ends: Iterable[FrontEnd], cache: Path, *, workers: int, seed: int) -> None:
    """Compute what ``cache`` lacks for any of ``front_ends``: the sound of a clip's variants is made once for all.

    Raises:
        CorpusError: a file is truncated or not audio.
    """
    needed = {_measurement(front_end): cache / _key(corpus, _measurement(front_end), seed) for front_end in front_ends}
    missing = {measured: folder for measured, folder in needed.items() if not (folder / _DESCRIPTION).exists()}
    if not missing:
        return
    problems: list[str] = []
    computed: list[tuple[_Computed, ...]] = []
    work = partial(_attempt, front_ends=tuple(missing), seed=seed)
    results = _side_by_side(work, enumerate(corpus.clips), workers)
    for result in tqdm(results, total=len(corpus.clips), desc=f"{corpus.name}: features", unit="clip"):
        if isinstance(result, str):
            problems.append(result)
        else:
            computed.append(result)
    if problems:
        raise CorpusError(corpus.name, problems)
    for (measured, folder), clips in zip(missing.items(), zip(*computed, strict=True), strict=True):
        _store(corpus, measured, clips, folder)


def _side_by_side(work: Callable[[_Put], _Got], on: Iterable[_Put], workers: int) -> Iterator[_Got]:
    """``work`` on each of ``on``, in their order; in this process where one is enough."""
    if workers == 1:
        yield from map(work, on)
        return
    # Spawned: a fork of a process in which libraries have started threads may wait for them for ever.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, on, chunksize=8)


def _measurement(front_end: FrontEnd) -> FrontEnd:
    """Everything that a front end with frames of this length and step may be composed of."""
    return FrontEnd(
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
        features=("mel", "chroma", "zcr"),
    )


def _key(corpus: Corpus, measured: FrontEnd, seed: int) -> str:
    identity = [corpus.fingerprint(), asdict(measured), VARIANTS, seed, REVISION]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def _store(corpus: Corpus, measured: FrontEnd, computed: Sequence[_Computed], folder: Path) -> None:
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
    recordings = same_recordings([clip.frames[0][:, : measured.n_mels] for clip in computed])
    described = {
        "recordings": [corpus.clips[index].key for index in recordings],
        "notes": [*_stereo(corpus, computed), *_duplicates(corpus, recordings)],
    }
    # Written last: its presence says that the folder is complete.
    (folder / _DESCRIPTION).write_text(json.dumps(described), encoding="utf-8")


def _stereo(corpus: Corpus, computed: Sequence[_Computed]) -> list[str]:
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


def _attempt(numbered: tuple[int, Clip], *, front_ends: tuple[FrontEnd, ...], seed: int) -> tuple[_Computed, ...] | str:
    index, clip = numbered
    try:
        samples, stereo = read_clip(clip.path)
    except (Problem, OSError, ValueError) as error:
        return f"{clip.path}: {error}"
    speech = samples[active_span(samples)]
    variants = list(_variants(speech, np.random.default_rng([seed, index])))
    bands = [windows(band, equal_pieces(Region(0, len(band)))) for band in (speech, telephone(speech))]
    return tuple(
        _Computed(
            tuple(_measured(variant, front_end) for variant in variants),
            tuple(_measured(band, front_end) for band in bands),
            stereo,
        )
        for front_end in front_ends
    )


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
        sound = container.streams.audio[0] if container.streams.audio else None
        if sound is not None and sound.duration and sound.time_base:
            seconds = float(sound.duration * sound.time_base)  # a film may go on after its sound
        else:
            seconds = (container.duration or 0) / av.time_base
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
    """As :data:`VARIANTS` lists them: up to 2 semitones, a fifth of the pace and half of the volume away."""
    semitones = rng.uniform(-2, 2, size=2)
    tempo = rng.uniform(0.8, 1.2, size=2)
    speed = rng.uniform(0.85, 1.18, size=2)
    snr = rng.uniform(8, 30, size=4)
    yield samples
    yield telephone(samples)
    samples = at_volume(samples, rng.uniform(0.5, 1.5))
    yield noisy(at_pitch(samples, semitones[0]), snr[0], rng)
    yield telephone(noisy(at_pitch(samples, semitones[1]), snr[1], rng))
    yield through_codec(at_tempo(samples, tempo[0]), "mp3")
    yield through_codec(telephone(at_tempo(samples, tempo[1])), "amr")
    yield through_codec(noisy(at_speed(samples, speed[0]), snr[2], rng), "opus")
    yield telephone(noisy(at_speed(samples, speed[1]), snr[3], rng))


def _measured(samples: Floats, front_end: FrontEnd) -> NDArray[np.float16]:
    measured = front_end.measure(samples)
    return np.concatenate([measured[name] for name in columns_of(front_end)], axis=-1).astype(np.float16)
