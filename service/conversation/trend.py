"""How voice and words of one side change over a call."""

from collections.abc import Sequence

from service.conversation.means import sentiment_of, voice_in
from service.conversation.participants import Side
from service.conversation.spans import Interval
from service.conversation.valence import text_valence, voice_valence
from service.schemas import Segment, Utterance
from service.schemas.conversation import Change, Quarter, Trend

_QUARTERS = 4


def trend(side: Side, duration_ms: int) -> Trend:
    """The four quarters of a recording of ``duration_ms`` as ``side`` went through them.

    A quarter's voice is what was heard in it; an utterance belongs to the quarter that its middle lies in.
    """
    edges = [duration_ms * quarter // _QUARTERS for quarter in range(_QUARTERS + 1)]
    said: list[list[Utterance]] = [[] for _ in range(_QUARTERS)]
    for utterance in side.said:
        middle = (utterance.start_ms + utterance.end_ms) / 2
        # A provider's times may go beyond the end.
        said[sum(middle >= edge for edge in edges[1:-1])].append(utterance)
    quarters = [
        _quarter(Interval(start, end), side.heard, own)
        for start, end, own in zip(edges[:-1], edges[1:], said, strict=True)
    ]
    return Trend(
        **dict(side.participant),
        quarters=quarters,
        change=Change(
            voice_valence=_change([quarter.voice_valence for quarter in quarters]),
            text_valence=_change([quarter.text_valence for quarter in quarters]),
        ),
    )


def _quarter(span: Interval, heard: Sequence[Segment], said: Sequence[Utterance]) -> Quarter:
    voice, sentiment = voice_in(span, heard), sentiment_of(said)
    return Quarter(
        start_ms=span.start,
        end_ms=span.end,
        voice=voice,
        voice_valence=voice_valence(voice) if voice else None,
        sentiment=sentiment,
        text_valence=text_valence(sentiment) if sentiment else None,
    )


def _change(valences: Sequence[float | None]) -> float | None:
    known = [valence for valence in valences if valence is not None]
    return round(known[-1] - known[0], 4) if len(known) > 1 else None
