"""Whether an utterance sounds as it reads."""

from typing import Final

from service.conversation.valence import FUSION, text_valence, voice_valence
from service.schemas import Prediction
from service.schemas.conversation import Agreement, Comparison

# Clearly pleasant or unpleasant is what is so much likelier than its opposite. It takes more than the mode: of the
# eight emotions, the likeliest is one of the four unpleasant ones for most of what people say on the telephone.
CLEAR: Final = 0.5
# Words that are more unpleasant than this mask nothing.
_MILD: Final = 0.25


def compare(sentiment: Prediction | None, voice: Prediction | None) -> Comparison | None:
    """Voice and words of one utterance on the axis of valence; None where neither is known.

    With t the valence of the words and v that of the voice:

    - ``possible_sarcasm``: one is at least 0.5 and the other at most -0.5;
    - ``masked_negative``: v is at most -0.5, and t between -0.25 and 0.5, both excluded;
    - ``aligned``: neither.
    """
    v = voice_valence(voice) if voice else None
    t = text_valence(sentiment) if sentiment else None
    valence = FUSION.fuse(v, t)
    if valence is None:
        return None
    return Comparison(
        agreement=_agreement(v, t),
        voice_valence=v,
        text_valence=t,
        distance=None if v is None or t is None else round(abs(v - t), 4),
        valence=valence,
    )


def _agreement(v: float | None, t: float | None) -> Agreement:
    if v is None or t is None:
        return Agreement.text_only if v is None else Agreement.voice_only
    if min(v, t) <= -CLEAR and max(v, t) >= CLEAR:
        return Agreement.possible_sarcasm
    if v <= -CLEAR and t > -_MILD:
        return Agreement.masked_negative
    return Agreement.aligned
