"""What clips look like: their features side by side (the paper's Figure 3), and one clip at other pitches and paces
(its Figure 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from service.audio.features import CHROMA, FEATURES, Floats, FrontEnd, below_peak, cepstrum, hz_to_mel
from training.channel import SAMPLE_RATE, at_pitch, at_tempo
from training.plots.style import BLUE, GREY, save

SEMITONES: Final = (2, -2)
PACES: Final = (0.8, 1.2)

# The features as models get them, and a mel-spectrogram fine enough for the partials of a voice to stand apart.
_FEATURES: Final = FrontEnd(features=FEATURES)
_PARTIALS: Final = FrontEnd(n_fft=2048, hop_length=256, n_mels=256)
_PARTIALS_HERTZ: Final = 2000
_HERTZ: Final = (0, 500, 1000, 2000, 4000, 8000)
_PLAIN: Final = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
_NATURALS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Sound:
    """A clip to be shown: its emotion, its name within its corpus, and its mono samples (n,) at 16 kHz."""

    emotion: str
    key: str
    samples: Floats


def features_picture(sounds: Sequence[Sound], title: str, source: str, path: Path) -> Figure:
    """A column for each of ``sounds``: waveform, mel-spectrogram, MFCC, chroma and zero-crossing rate.

    ``source`` says at the foot whose recordings they are.
    """
    columns = {f"{sound.emotion}\n{sound.key}": sound.samples for sound in sounds}
    figure, axes = _grid(columns, ("waveform", "mel (Hz)", "MFCC", "chroma", "zero crossings"), title, source)
    hop = _FEATURES.hop_length
    measured = [_FEATURES.measure(samples) for samples in columns.values()]
    mel = [below_peak(each["mel"], _FEATURES.dynamic_range_db) for each in measured]
    mfcc = [cepstrum(decibels, _FEATURES.n_mfcc) for decibels in mel]
    _spectrograms(figure, axes[1], mel, _FEATURES)
    # The first coefficient is the level: far from all others, it may leave the scale, and so may the odd outlier.
    furthest = float(np.percentile(np.abs(np.concatenate(mfcc)[:, 1:]), 99))
    images = [
        _image(axis, each, hop, (-0.5, _FEATURES.n_mfcc - 0.5), "RdBu_r", (-furthest, furthest))
        for axis, each in zip(axes[2], mfcc, strict=True)
    ]
    figure.colorbar(images[0], ax=list(axes[2]), label="coefficient", extend="both", pad=0.01, aspect=12)
    images = [
        _image(axis, each["chroma"], hop, (-0.5, CHROMA - 0.5), "viridis", (0, 1))
        for axis, each in zip(axes[3], measured, strict=True)
    ]
    axes[3, 0].set_yticks(list(_NATURALS.values()), list(_NATURALS))
    figure.colorbar(images[0], ax=list(axes[3]), label="share of the peak", pad=0.01, aspect=12)
    for axis, each in zip(axes[4], measured, strict=True):
        rate = 100 * each["zcr"][:, 0]
        axis.plot(np.arange(len(rate)) * hop / SAMPLE_RATE, rate, color=BLUE, linewidth=1)
    axes[4, 0].set_ylim(bottom=0)
    axes[4, 0].yaxis.set_major_formatter("{x:.0f} %")
    return save(figure, path, palette=True)


def changes_picture(sound: Sound, source: str, path: Path) -> Figure:
    """Waveform and mel-spectrogram of ``sound`` and of its copies at other pitches and paces, as augmentation makes
    them."""
    copies = {
        "as recorded": sound.samples,
        **{f"{step:+} semitones".replace("-", "−"): at_pitch(sound.samples, step) for step in SEMITONES},
        **{f"{pace} times the pace": at_tempo(sound.samples, pace) for pace in PACES},
    }
    title = f"Pitch and pace changed: {sound.emotion}, {sound.key}"
    figure, axes = _grid(copies, ("waveform", "mel (Hz)"), title, source)
    mel = [_PARTIALS(samples[None])[0] for samples in copies.values()]
    _spectrograms(figure, axes[1], mel, _PARTIALS)
    axes[1, 0].set_ylim(top=_mel(_PARTIALS_HERTZ))
    return save(figure, path, palette=True)


def _grid(columns: Mapping[str, Floats], rows: Sequence[str], title: str, source: str) -> tuple[Figure, NDArray[Any]]:
    """Axes (rows, columns) that share time along a column and values along a row; the waveforms are drawn."""
    figure = Figure(figsize=(1.4 + 2.4 * len(columns), 1.2 + 1.7 * len(rows)), layout="constrained")
    axes: NDArray[Any] = figure.subplots(len(rows), len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (name, samples) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(name, fontsize=10)
        column[-1].set_xlabel("time (s)")
        _waveform(column[0], samples)
    for axis, name in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(name)
    axes[0, 0].set_xlim(0, max(map(len, columns.values())) / SAMPLE_RATE)
    axes[0, 0].set_ylim(-1.05, 1.05)
    figure.align_ylabels(axes[:, 0])
    figure.suptitle(title)
    figure.supxlabel(source, fontsize=8, color=GREY)
    return figure, axes


def _waveform(axis: Any, samples: Floats) -> None:
    """Scaled to its peak, for a whisper is as much to be seen as a shout; the peak is written beside it."""
    peak = max(float(np.abs(samples).max()), 1e-6)
    axis.plot(np.arange(len(samples)) / SAMPLE_RATE, samples / peak, color=BLUE, linewidth=0.3)
    level = f"peak {round(20 * np.log10(peak))} dBFS".replace("-", "−")
    axis.text(0.98, 0.04, level, transform=axis.transAxes, ha="right", fontsize=8, color=GREY, bbox=_PLAIN)


def _spectrograms(figure: Figure, axes: NDArray[Any], spectra: Sequence[Floats], front_end: FrontEnd) -> None:
    """Each of ``spectra`` (frames, n_mels) in dB below its peak, over an axis that is even in mel and told in Hz."""
    # The bands' centres part the scale into equal steps.
    step = _mel(SAMPLE_RATE / 2) / (front_end.n_mels + 1)
    height = (0.5 * step, (front_end.n_mels + 0.5) * step)
    quietest = -front_end.dynamic_range_db
    images = [
        _image(axis, spectrum, front_end.hop_length, height, "magma", (quietest, 0))
        for axis, spectrum in zip(axes, spectra, strict=True)
    ]
    axes[0].set_yticks([_mel(hertz) for hertz in _HERTZ], [f"{hertz:,}" for hertz in _HERTZ])
    axes[0].set_ylim(height)
    figure.colorbar(images[0], ax=list(axes), label="dB below the peak", pad=0.01, aspect=12)


def _image(
    axis: Any,
    values: Floats,
    hop_length: int,
    height: tuple[float, float],
    colours: str,
    limits: tuple[float, float],
) -> Any:
    """``values`` (frames, rows), the first row lowest, each frame around its own middle."""
    hop = hop_length / SAMPLE_RATE
    # After the clip's end, as opposed to any value.
    axis.set_facecolor("0.9")
    extent = (-hop / 2, (len(values) - 0.5) * hop, *height)
    return axis.imshow(
        values.T,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        extent=extent,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )


def _mel(hertz: float) -> float:
    return float(hz_to_mel(np.array(hertz)))
