"""Voice activity: where in a channel somebody speaks.

Silero's network says *whether* there is speech, the level of the signal says *where* it begins and ends. The network's
probability alone moves its edges by more than half a second, and splits or joins utterances, when the same call is
coded as MP3 or AMR; a level relative to the speech around it does not.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfilt

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats
from service.inference.artefacts import Artefact, ArtefactError

FRAME: Final = 512
_CONTEXT: Final = 64
_STATE: Final = (1, 1, 128)
_CHUNK_FRAMES: Final = 512

# Hysteresis of the probability, smoothed over 5 frames: speech holds while it is likely enough, and a region counts
# only if somewhere in it speech is nearly certain. Of EmoGator's vocal bursts that lets 30 % through as not speech, of
# RAVDESS's sentences 1.5 %.
_LIKELY: Final = 0.7
_POSSIBLE: Final = 0.2
_SMOOTHED_FRAMES: Final = 5
# An onset or a dying syllable reaches this far beyond the frames in which the network notices it.
_REACH_FRAMES: Final = 8

# The level is measured in the telephone band, which every codec keeps, over 200 ms in steps of 8 ms. Speech is what
# lies within 22 dB of the loudest speech 2 s around it.
_BAND_HZ: Final = (250, 3_300)
_HOP: Final = 128
_LEVEL_HOPS: Final = SAMPLE_RATE // 5 // _HOP
_DEPTH_DB: Final = 22.0
_NEIGHBOURHOOD_HOPS: Final = 4 * SAMPLE_RATE // _HOP

# A pause shorter than this belongs to the utterance; an utterance is padded with this much on both sides.
MIN_SILENCE: Final = SAMPLE_RATE // 2
PADDING: Final = SAMPLE_RATE // 10


class Region(NamedTuple):
    """Samples ``start`` to ``end`` (exclusive) of a channel at 16 kHz."""

    start: int
    end: int


class VoiceActivity:
    """Silero VAD's sequence network: a probability of speech for each frame of 512 samples (32 ms) at 16 kHz."""

    def __init__(self, artefact: Artefact, threads: int = 1) -> None:
        """Raises ArtefactError where the network is not Silero's sequence model."""
        self._session = artefact.session(threads=threads)
        inputs = {node.name: node.shape[1:] for node in self._session.get_inputs()}
        expected = {"input": [_CONTEXT + FRAME], "h": list(_STATE[1:]), "c": list(_STATE[1:])}
        if inputs != expected:
            raise ArtefactError(
                f"{artefact.name} takes {inputs}, not {expected}; write it again with "
                "`python -m training voice-activity`"
            )
        self.name = artefact.name
        self.version = artefact.version
        self.sha256 = artefact.sha256

    def probabilities(self, samples: Floats) -> Floats:
        """Probability of speech in each 32 ms of ``samples`` (n,) at 16 kHz: (ceil(n / 512),).

        The network sees a few hundred frames in a call and carries its state from call to call, so that the answer
        does not depend on how the audio is chunked and an hour of it needs little memory.
        """
        if not len(samples):
            return np.empty(0, dtype=np.float32)
        count = -(-len(samples) // FRAME)
        padded = np.zeros(_CONTEXT + count * FRAME, dtype=np.float32)
        padded[_CONTEXT : _CONTEXT + len(samples)] = samples
        frames = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + FRAME)[::FRAME]
        state = {"h": np.zeros(_STATE, np.float32), "c": np.zeros(_STATE, np.float32)}
        probabilities = np.empty(count, dtype=np.float32)
        for start in range(0, count, _CHUNK_FRAMES):
            chunk = slice(start, start + _CHUNK_FRAMES)
            probabilities[chunk], state["h"], state["c"] = self._session.run(
                ["speech_probs", "hn", "cn"], {"input": np.ascontiguousarray(frames[chunk]), **state}
            )
        return probabilities


def speech_regions(samples: Floats, probabilities: Floats) -> list[Region]:
    """The stretches of ``samples`` (n,) at 16 kHz that hold speech: sorted, disjoint, inside the signal.

    ``probabilities`` is what :meth:`VoiceActivity.probabilities` gives for the same samples. Regions lie some
    ``MIN_SILENCE - 2 * PADDING`` apart or more; there is no shortest region: a "yes" is speech.
    """
    if not len(samples):
        return []
    smoothed = uniform_filter1d(probabilities, _SMOOTHED_FRAMES, mode="nearest")
    possible = maximum_filter1d(smoothed >= _POSSIBLE, 2 * _REACH_FRAMES + 1)
    per_frame = FRAME // _HOP
    level = _level(samples, len(probabilities) * per_frame)
    likely = np.repeat(smoothed >= _LIKELY, per_frame)
    reference = maximum_filter1d(np.where(likely, level, -np.inf), _NEIGHBOURHOOD_HOPS, mode="nearest")
    active = np.repeat(possible, per_frame) & (level > reference - _DEPTH_DB) & np.isfinite(reference)
    return [
        Region(max(0, start * _HOP - PADDING), min(len(samples), end * _HOP + PADDING))
        for start, end in close(runs(active), MIN_SILENCE // _HOP)
        if likely[start:end].any()
    ]


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches of ``mask`` (n,) that are true, as (start, end) with end exclusive."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def close(stretches: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """``stretches`` with those less than ``gap`` apart joined."""
    closed: list[tuple[int, int]] = []
    for start, end in stretches:
        if closed and start - closed[-1][1] < gap:
            closed[-1] = (closed[-1][0], end)
        else:
            closed.append((start, end))
    return closed


def _level(samples: Floats, count: int) -> Floats:
    """Level of the telephone band in dB re full scale for each of ``count`` hops."""
    band = np.zeros(count * _HOP, dtype=np.float32)
    band[: len(samples)] = sosfilt(_telephone_band(), samples)
    power = np.square(band.reshape(count, _HOP)).mean(axis=1)
    # A running mean of floats may come out a hair below zero.
    smoothed = np.maximum(uniform_filter1d(power, _LEVEL_HOPS, mode="nearest"), 1e-10)
    level: Floats = 10 * np.log10(smoothed)
    return level


@lru_cache(maxsize=1)
def _telephone_band() -> NDArray[np.float64]:
    sections: NDArray[np.float64] = butter(2, _BAND_HZ, "bandpass", fs=SAMPLE_RATE, output="sos")
    return sections
