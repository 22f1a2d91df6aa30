"""What the measures of :mod:`service.rules.vocabulary` come to for a call."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from service.analyses.acoustic import Role
from service.conversation.valence import text_valence, voice_valence
from service.rules.vocabulary import EMOTIONS
from service.schemas import Acoustics, Prediction, Utterance, Words
from service.schemas.conversation import Agreement, Conversation, Dynamics, ParticipantDynamics, Trend
from service.scores import mean

T = TypeVar("T")

Found = dict[str, float | None]


def measures(acoustics: Acoustics, words: Words | None, conversation: Conversation | None) -> dict[str, float]:
    """Those that are known of a call, rounded to four decimals."""
    utterances = words.utterances if words else []
    found: Found = {"call.duration_seconds": acoustics.audio.duration_ms / 1000}
    found |= _named("call", _disagreements(utterances))
    if conversation is not None:
        found |= _named("call", _dynamics(conversation.dynamics))
        for name in ("voice_valence", "text_valence", "valence"):
            found[f"call.{name}"] = getattr(conversation, name)
    for role in (Role.customer, Role.agent):
        said = [utterance for utterance in utterances if utterance.role is role]
        channel = _only(channel for channel in acoustics.channels if channel.role is role)
        of_side = _disagreements(said) | _voice(channel.overall if channel else None) | _words(_sentiment(said))
        if conversation is not None:
            sides = conversation.dynamics.participants
            of_side |= _talk(_only(side for side in sides if side.role is role))
            of_side |= _course(_only(trend for trend in conversation.trends if trend.role is role))
        found |= _named(role, of_side)
    return {name: round(value, 4) for name, value in found.items() if value is not None}


def _named(subject: str, found: Found) -> Found:
    return {f"{subject}.{name}": value for name, value in found.items()}


def _dynamics(dynamics: Dynamics) -> Found:
    silences = [span.end_ms - span.start_ms for span in dynamics.non_talk_time.instances]
    return {
        "talk_seconds": dynamics.talk_ms / 1000,
        "non_talk_seconds": dynamics.non_talk_time.total_ms / 1000,
        "longest_silence_seconds": max(silences, default=0) / 1000,
        "overlap_seconds": dynamics.overlaps.total_ms / 1000 if dynamics.overlaps else None,
        "interruptions": dynamics.interruptions.total_count if dynamics.interruptions else None,
    }


def _talk(side: ParticipantDynamics | None) -> Found:
    if side is None:
        return {}
    monologue, latency = side.longest_monologue, side.response_latency_ms
    return {
        "talk_seconds": side.talk_ms / 1000,
        "talk_share": side.talk_share,
        "turns": side.turns,
        "words_per_minute": side.words_per_minute,
        "interruptions": side.interruptions,
        "longest_monologue_seconds": (monologue.end_ms - monologue.start_ms) / 1000 if monologue else None,
        "response_latency_seconds": None if latency is None else latency / 1000,
    }


def _course(trend: Trend | None) -> Found:
    if trend is None:
        return {}
    found: Found = {
        "voice_valence_change": trend.change.voice_valence,
        "text_valence_change": trend.change.text_valence,
    }
    for name, quarter in (("first_quarter", trend.quarters[0]), ("last_quarter", trend.quarters[-1])):
        of_quarter = _voice(quarter.voice) | _words(quarter.sentiment)
        found |= {f"{measure}_{name}": value for measure, value in of_quarter.items()}
    return found


def _voice(heard: Prediction | None) -> Found:
    if heard is None:
        return {}
    emotions: Found = {emotion: heard.scores[label] for emotion, label in EMOTIONS.items()}
    return emotions | {"voice_valence": voice_valence(heard)}


def _words(read: Prediction | None) -> Found:
    if read is None:
        return {}
    sentiments: Found = {f"{label}_words": score for label, score in read.scores.items()}
    return sentiments | {"text_valence": text_valence(read)}


def _sentiment(utterances: Sequence[Utterance]) -> Prediction | None:
    """Mean of the utterances, weighted by their length."""
    read = [(utterance.sentiment, len(utterance.text)) for utterance in utterances if utterance.sentiment]
    return mean([sentiment for sentiment, _ in read], [length for _, length in read])


def _disagreements(utterances: Sequence[Utterance]) -> Found:
    """How often voice and words disagree, where there is an utterance of which both are known."""
    compared = [utterance.comparison for utterance in utterances if utterance.comparison]
    agreements = [comparison.agreement for comparison in compared if comparison.distance is not None]
    if not agreements:
        return {}
    return {kind: agreements.count(kind) for kind in (Agreement.masked_negative, Agreement.possible_sarcasm)}


def _only(items: Iterable[T]) -> T | None:
    """The item where there is one, and no other."""
    found = list(items)
    return found[0] if len(found) == 1 else None
