"""When an answer about a stretch of sound is better not relied on."""

from enum import StrEnum
from typing import Final

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats
from service.audio.quality import Gauge
from service.audio.vad import FRAME, PADDING, Region


class Abstention(StrEnum):
    """Why not."""

    too_short = "too_short"
    low_snr = "low_snr"
    clipped = "clipped"
    narrow_band = "narrow_band"
    not_speech = "not_speech"
    too_uncertain = "too_uncertain"


# Training hears clips of one to three seconds, with noise down to 8 dB, through lines of 300 to 3400 Hz at least. In
# four real calls 10 of 209 stretches are shorter than this, the noisiest lies at 9.5 dB, nothing is cut off, and no
# line ends below 3.8 kHz as the gauge measures it (one that passes 0 to 2500 Hz ends at 2.9 kHz). The mean probability
# of speech is at least 0.48 there, and 0.2 to 0.4 where noise drowns the voice.
_LEAST_SOUND: Final = SAMPLE_RATE // 2
_LEAST_SNR_DB: Final = 5.0
_MOST_CLIPPED: Final = 0.01
_LEAST_BANDWIDTH_HZ: Final = 3_000
_LEAST_ACTIVITY: Final = 0.4


def abstention(region: Region, gauge: Gauge, activity: Floats | None, *, uncertain: bool) -> Abstention | None:
    """The first reason of :class:`Abstention`, in its order, not to rely on what was heard in ``region``.

    ``region`` is padded as voice activity pads it. ``activity`` is the probability of speech in each frame of the
    channel, None where no speech is expected; ``uncertain`` tells that the model cannot say much.
    """
    snr_db = gauge.snr_db(region)
    if region.end - region.start - 2 * PADDING < _LEAST_SOUND:
        return Abstention.too_short
    if snr_db is not None and snr_db < _LEAST_SNR_DB:
        return Abstention.low_snr
    if gauge.clipped(region) > _MOST_CLIPPED:
        return Abstention.clipped
    if gauge.quality is not None and gauge.quality.bandwidth_hz < _LEAST_BANDWIDTH_HZ:
        return Abstention.narrow_band
    if activity is not None and activity[region.start // FRAME : -(-region.end // FRAME)].mean() < _LEAST_ACTIVITY:
        return Abstention.not_speech
    return Abstention.too_uncertain if uncertain else None
