"""Voice and words on one axis, from -1 (unpleasant) to 1 (pleasant), and both together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.emotions import SENTIMENT_VALENCE, SPEECH_VALENCE, VOICE_WEIGHT
from service.schemas import Prediction


def voice_valence(voice: Prediction) -> float:
    """P(happy) less P(sad, angry, fearful or disgusted)."""
    return _expected(voice, SPEECH_VALENCE)


def text_valence(sentiment: Prediction) -> float:
    """P(positive) less P(negative)."""
    return _expected(sentiment, SENTIMENT_VALENCE)


@dataclass(frozen=True, slots=True)
class Fusion:
    """Late fusion: the mean of both valences, in which the voice weighs ``voice`` and the words the rest.

    The default is a choice, not a fit: words tell pleasant from unpleasant better than the sound of a voice does, which
    tells rather how excited somebody is (Wagner et al. 2023, "Dawn of the transformer era in speech emotion
    recognition"), so they weigh twice as much.
    """

    voice: float = VOICE_WEIGHT

    def fuse(self, voice: float | None, text: float | None) -> float | None:
        """Both together; the one that is known where the other is not."""
        if voice is None or text is None:
            return text if voice is None else voice
        return round(self.voice * voice + (1 - self.voice) * text, 4)


FUSION: Final = Fusion()


def _expected(prediction: Prediction, valence: Mapping[str, int]) -> float:
    """The mean of ``valence``; a label that has none is neither."""
    return round(sum(valence.get(label, 0) * score for label, score in prediction.scores.items()), 4)
