"""Pictures of clips."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from service.audio.features import hz_to_mel
from training.plots import Sound, changes_picture, features_picture


def tone(hertz: float, seconds: float, peak: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    time = np.arange(int(16_000 * seconds)) / 16_000
    return (peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@pytest.fixture
def features(drawn: Callable[..., Figure]) -> Figure:
    sounds = [Sound("calm", "one", tone(440, 1, 0.1)), Sound("angry", "two", tone(1000, 2, 1.0))]
    return drawn(lambda path: features_picture(sounds, "title", "whose it is", path))


@pytest.fixture
def changes(drawn: Callable[..., Figure]) -> Figure:
    return drawn(lambda path: changes_picture(Sound("calm", "one", tone(440, 1, 0.5)), "whose it is", path))


def test_a_column_a_clip_and_a_row_a_feature(features: Figure) -> None:
    assert [axis.get_title() for axis in features.axes[:2]] == ["calm\none", "angry\ntwo"]
    rows = ["waveform", "mel (Hz)", "MFCC", "chroma", "zero crossings"]
    assert [axis.get_ylabel() for axis in features.axes[:10:2]] == rows
    assert [axis.get_ylabel() for axis in features.axes[10:]] == [
        "dB below the peak",
        "coefficient",
        "share of the peak",
    ]
    assert features.get_supxlabel() == "whose it is"


def test_clips_share_their_axes_and_their_colours(features: Figure) -> None:
    for left, right in zip(features.axes[:10:2], features.axes[1:10:2], strict=True):
        assert left.get_ylim() == right.get_ylim()
        assert left.get_xlim() == right.get_xlim() == (0, 2)
        for one, other in zip(left.images, right.images, strict=True):
            assert one.get_clim() == other.get_clim()


def test_a_quiet_clip_is_as_tall_as_a_loud_one_and_says_its_peak(features: Figure) -> None:
    for axis, peak in zip(features.axes[:2], ("peak −20 dBFS", "peak 0 dBFS"), strict=True):
        assert np.abs(axis.lines[0].get_ydata()).max() == pytest.approx(1)
        assert [text.get_text() for text in axis.texts] == [peak]


def test_a_tone_lies_where_the_axes_say(features: Figure) -> None:
    """1000 Hz in the mel-spectrogram; 440 Hz is an A; a tone of 1000 Hz crosses zero 2000 times in 16,000 samples."""
    assert loudest_mel(features.axes[3]) == pytest.approx(float(hz_to_mel(np.array(1000.0))), abs=0.5)
    chroma = features.axes[6]
    names = dict(zip(chroma.get_yticks(), (label.get_text() for label in chroma.get_yticklabels()), strict=True))
    assert names[int(chroma.images[0].get_array()[:, 15].argmax())] == "A"
    assert np.median(features.axes[9].lines[0].get_ydata()) == pytest.approx(12.5, abs=0.2)


def test_pitch_and_pace_change_one_at_a_time(changes: Figure) -> None:
    titles = ["as recorded", "+2 semitones", "−2 semitones", "0.8 times the pace", "1.2 times the pace"]
    assert [axis.get_title() for axis in changes.axes[:5]] == titles
    seconds = [axis.lines[0].get_xdata()[-1] for axis in changes.axes[:5]]
    assert seconds == pytest.approx([1, 1, 1, 1.25, 1 / 1.2], rel=0.01)
    hertz = 440 * 2.0 ** (np.array([0, 2, -2, 0, 0]) / 12)
    assert [loudest_mel(axis) for axis in changes.axes[5:10]] == pytest.approx(hz_to_mel(hertz), abs=0.2)


def test_a_spectrogram_ends_where_its_clip_ends(changes: Figure) -> None:
    ends = [axis.images[0].get_extent()[1] for axis in changes.axes[5:10]]
    assert ends == pytest.approx([1, 1, 1, 1.25, 1 / 1.2], abs=0.02)


def loudest_mel(axis: Any) -> float:
    """Where on the axis, in mel, the band with the most energy is."""
    (image,) = axis.images
    bands = np.asarray(image.get_array())
    _, _, lowest, highest = image.get_extent()
    middle = bands[:, bands.shape[1] // 2].argmax() + 0.5
    return float(lowest + middle * (highest - lowest) / len(bands))
