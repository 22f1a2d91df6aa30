"""The moments of a call that stand out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.analyses.acoustic import Role
from service.conversation.agreement import CLEAR
from service.conversation.participants import Side
from service.conversation.spans import Interval, shared
from service.conversation.valence import voice_valence
from service.schemas import Utterance
from service.schemas.conversation import Agreement, Moment, MomentKind

_MOST: Final = 3
# Nearer ones are the same moment to who listens to it.
_APART_MS: Final = 10_000
_WIDEST: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: MomentKind
    participant: int
    span: Interval
    value: float
    utterance: Utterance | None

    @property
    def strength(self) -> float:
        """How far it is from nothing, in 0..1."""
        return self.value / _WIDEST if self.kind is MomentKind.disagreement else -self.value


def moments(sides: Sequence[Side], duration_ms: int) -> list[Moment]:
    """What a supervisor would jump to, the most striking first and at most three of a kind:

    - ``negative_voice``: the segments whose valence is at most -0.5, with what was said meanwhile;
    - ``negative_words``: the utterances whose valence is at most -0.5;
    - ``disagreement``: the utterances that are ``masked_negative`` or ``possible_sarcasm``, by their distance.

    Of moments of one kind and one side that begin within ten seconds of each other only the most striking counts.
    """
    found = [candidate for who, side in enumerate(sides) for candidate in _candidates(who, side)]
    # Among equals the first, and the customer's.
    found.sort(
        key=lambda each: (-each.strength, each.span, sides[each.participant].participant.role is not Role.customer)
    )
    chosen: list[_Candidate] = []
    for candidate in found:
        alike = [each for each in chosen if each.kind is candidate.kind]
        if len(alike) < _MOST and not any(_near(candidate, each) for each in alike):
            chosen.append(candidate)
    return [
        Moment(
            start_ms=min(each.span.start, duration_ms),
            end_ms=min(each.span.end, duration_ms),
            kind=each.kind,
            participant=each.participant,
            value=each.value,
            text=each.utterance.text if each.utterance else _said_in(each.span, sides[each.participant].said),
        )
        for each in chosen
    ]


def _near(one: _Candidate, other: _Candidate) -> bool:
    return one.participant == other.participant and abs(one.span.start - other.span.start) < _APART_MS


def _candidates(who: int, side: Side) -> Iterator[_Candidate]:
    for segment in side.heard:
        if (valence := voice_valence(segment)) <= -CLEAR:
            span = Interval(segment.start_ms, segment.end_ms)
            yield _Candidate(MomentKind.negative_voice, who, span, valence, None)
    for utterance in side.said:
        compared = utterance.comparison
        if compared is None:
            continue
        span = Interval(utterance.start_ms, utterance.end_ms)
        if compared.text_valence is not None and compared.text_valence <= -CLEAR:
            yield _Candidate(MomentKind.negative_words, who, span, compared.text_valence, utterance)
        if compared.distance is not None and compared.agreement is not Agreement.aligned:
            yield _Candidate(MomentKind.disagreement, who, span, compared.distance, utterance)


def _said_in(span: Interval, said: Iterable[Utterance]) -> str | None:
    """The utterance that most of ``span`` lies in."""
    overlaps = [(shared(span, [Interval(each.start_ms, each.end_ms)]), each.text) for each in said]
    most, text = max(overlaps, key=lambda pair: pair[0], default=(0, None))
    return text if most > 0 else None
