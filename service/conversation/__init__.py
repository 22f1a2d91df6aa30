"""From what was heard and what was said to how a call went.

Everything here is a pure function of the two that are stored, so that the same recording and models give the same
answer.
"""

from service.analyses.acoustic import Role
from service.conversation.dynamics import dynamics
from service.conversation.means import sentiment_of, voice_in
from service.conversation.moments import moments
from service.conversation.participants import sides
from service.conversation.spans import Interval
from service.conversation.trend import trend
from service.conversation.valence import FUSION, text_valence, voice_valence
from service.schemas import Acoustics, Words
from service.schemas.conversation import Conversation


def converse(acoustics: Acoustics, words: Words | None) -> Conversation | None:
    """How the call went; None where nobody talks, and for what was heard before it was stored when anybody does."""
    found = sides(acoustics, words)
    if not any(side.talk for side in found):
        return None
    duration_ms = acoustics.audio.duration_ms
    customers = [side for side in found if side.participant.role is Role.customer] or found
    voice = voice_in(Interval(0, duration_ms), [segment for side in customers for segment in side.heard])
    sentiment = sentiment_of([utterance for side in customers for utterance in side.said])
    heard = voice_valence(voice) if voice else None
    read = text_valence(sentiment) if sentiment else None
    return Conversation(
        participants=[side.participant for side in found],
        dynamics=dynamics(found, transcribed=words is not None),
        trends=[trend(side, duration_ms) for side in found],
        moments=moments(found, duration_ms),
        voice_valence=heard,
        text_valence=read,
        valence=FUSION.fuse(heard, read),
    )
