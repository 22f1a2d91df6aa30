"""How a call went, from when each talks: the measures of Amazon Transcribe Call Analytics, and a few more.

What a turn, an interruption and an answer are: :mod:`service.conversation.turns`.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from statistics import median

from service.conversation.participants import Side
from service.conversation.spans import Interval, intersection, length, union
from service.conversation.turns import SILENCE_MS, Turn, turns
from service.schemas import Span, Utterance
from service.schemas.conversation import (
    Dynamics,
    Interruption,
    Interruptions,
    NonTalkTime,
    Overlap,
    Overlaps,
    ParticipantDynamics,
)
from service.scores import round_scores

_MINUTE_MS = 60_000


def dynamics(sides: Sequence[Side], *, transcribed: bool) -> Dynamics:
    """The dynamics of a call in which somebody talks.

    - the conversation lasts from the first word to the last;
    - **non-talk time** is what lies between them in silences of all of at least three seconds;
    - an **overlap** is when two or more talk, backchannels included;
    - the **longest monologue** is the longest turn, with its pauses;
    - the **response latency** is the median of a participant's answers.

    Where the only side is whoever is on a channel, there are no turns, nor what is made of them.

    Args:
        transcribed: whether there are utterances to count the words of.
    """
    talk = union(stretch for side in sides for stretch in side.talk)
    silences = [Interval(before.end, after.start) for before, after in pairwise(talk)]
    told_apart = all(side.told_apart for side in sides)
    taken = turns([side.talk for side in sides]) if told_apart else [None] * len(sides)
    shares = round_scores({str(who): length(side.talk) for who, side in enumerate(sides)})
    return Dynamics(
        total_conversation_ms=talk[-1].end - talk[0].start,
        talk_ms=length(talk),
        non_talk_time=_non_talk_time(silence for silence in silences if silence.end - silence.start >= SILENCE_MS),
        overlaps=_overlaps([side.talk for side in sides]) if told_apart else None,
        interruptions=_interruptions(taken) if told_apart else None,
        participants=[
            _participant(side, share, own, transcribed=transcribed)
            for side, share, own in zip(sides, shares.values(), taken, strict=True)
        ],
    )


def _non_talk_time(silences: Iterable[Interval]) -> NonTalkTime:
    instances = [Span(start_ms=start, end_ms=end) for start, end in silences]
    return NonTalkTime(total_ms=_total(instances), instances=instances)


def _overlaps(talk: Sequence[Sequence[Interval]]) -> Overlaps:
    both = union(stretch for one, other in combinations(talk, 2) for stretch in intersection(one, other))
    instances = [Overlap(start_ms=start, end_ms=end) for start, end in both]
    return Overlaps(total_ms=_total(instances), instances=instances)


def _interruptions(taken: Sequence[Sequence[Turn] | None]) -> Interruptions:
    instances = [
        Interruption(start_ms=turn.interrupts.start, end_ms=turn.interrupts.end, by=who)
        for who, own in enumerate(taken)
        for turn in own or ()
        if turn.interrupts
    ]
    instances.sort(key=lambda each: each.start_ms)
    return Interruptions(total_count=len(instances), total_ms=_total(instances), instances=instances)


def _participant(side: Side, share: float, own: Sequence[Turn] | None, *, transcribed: bool) -> ParticipantDynamics:
    talk_ms = length(side.talk)
    longest = max((turn.span for turn in own or ()), key=lambda span: span.end - span.start, default=None)
    latencies = [turn.latency_ms for turn in own or () if turn.latency_ms is not None]
    return ParticipantDynamics(
        **dict(side.participant),
        talk_ms=talk_ms,
        talk_share=share,
        turns=None if own is None else len(own),
        longest_monologue=longest and Span(start_ms=longest.start, end_ms=longest.end),
        response_latency_ms=round(median(latencies)) if latencies else None,
        interruptions=None if own is None else sum(turn.interrupts is not None for turn in own),
        words_per_minute=round(_words(side.said) * _MINUTE_MS / talk_ms, 1) if transcribed and talk_ms else None,
    )


def _words(said: Iterable[Utterance]) -> int:
    """How many words; as many as white space divides where the provider does not list them."""
    return sum(len(utterance.words) or len(utterance.text.split()) for utterance in said)


def _total(spans: Iterable[Span]) -> int:
    return sum(span.end_ms - span.start_ms for span in spans)
