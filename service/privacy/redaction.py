"""Transcripts in which what is personal is replaced by what it was, before they are stored.

Numbers are read as recognisers write them: in one piece, in groups with commas, or as English words for the digits; and
over the pauses of whoever dictates them, in which somebody else may say yes.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

from service.privacy.personal import Found, find
from service.transcription import Transcript, Utterance, Word

_DIGITS: Final = {
    word: str(digit)
    for digit, words in enumerate(
        ("zero oh o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    )
    for word in words.split()
}
# How often the next digit is said beside itself.
_REPEATS: Final = {"double": 1, "triple": 2}
_SPELT: Final = re.compile(r"(?P<lead>\W*)(?P<core>[A-Za-z]+)(?P<trail>\W*)")
_WRITTEN: Final = re.compile(r"(?P<lead>[^\w+(]*)(?P<core>[+(]?\d[\d().+/-]*?)(?P<trail>[^\w)]*)")


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, of which what is ``searched`` stands between a ``lead`` and a ``trail`` that are not.

    Attributes:
        spelt: the digits that are searched are written as a word.
        word: when it was spoken, where that is known.
    """

    text: str
    searched: str
    lead: str = ""
    trail: str = ""
    spelt: bool = False
    word: Word | None = None


def redact(transcript: Transcript) -> Transcript:
    """The transcript with all replaced that :func:`service.privacy.personal.find` finds, in its words and its texts.

    Of several words that were one number one remains, which lasts from the start of the first to the end of the last.
    """
    utterances = list(transcript.utterances)
    # Each speaker alone, whom others interrupt; then each channel, as the speakers of one are not told apart for sure.
    for sides in ([(each.channel, each.speaker) for each in utterances], [each.channel for each in utterances]):
        for side in dict.fromkeys(sides):
            own = [number for number, of in enumerate(sides) if of == side]
            said = _redacted([utterances[number] for number in own], transcript.language)
            for number, utterance in zip(own, said, strict=True):
                utterances[number] = utterance
    if tuple(utterances) == transcript.utterances:
        return replace(transcript, text=redact_text(transcript.text, transcript.language))
    return replace(transcript, text=" ".join(each.text for each in utterances), utterances=tuple(utterances))


def redact_text(text: str, language: str | None) -> str:
    """The same for a text alone; one that holds nothing personal stays as it is."""
    (utterance,) = _redacted([Utterance(0, 0, None, None, text, 0, ())], language)
    return utterance.text


def _redacted(utterances: Sequence[Utterance], language: str | None) -> list[Utterance]:
    """What one speaker says, searched in one piece."""
    said = [_tokens(utterance) for utterance in utterances]
    tokens = [token for each in said for token in each]
    starts = list(accumulate((len(token.searched) + 1 for token in tokens), initial=0))
    stream = " ".join(token.searched for token in tokens)
    found = [_widened(each, tokens, starts) for each in find(stream, language)]
    bounds = list(accumulate(map(len, said), initial=0))
    redacted = []
    for utterance, (first, end) in zip(utterances, pairwise(bounds), strict=True):
        lo, hi = starts[first], starts[end]
        own = [each for each in found if each.start < hi and each.end > lo]
        if own:
            left = list(_left(range(first, end), tokens, starts, stream, own))
            words = tuple(token.word for token in left if token.word is not None)
            redacted.append(replace(utterance, text=" ".join(token.text for token in left), words=words))
        elif utterance.words and [word.text for word in utterance.words] != utterance.text.split():
            # The text is not that of its words.
            redacted.append(replace(utterance, text=redact_text(utterance.text, language)))
        else:
            redacted.append(utterance)
    return redacted


def _tokens(utterance: Utterance) -> list[_Token]:
    words: Sequence[Word | None] = utterance.words or [None] * len(utterance.text.split())
    texts = [word.text for word in utterance.words] if utterance.words else utterance.text.split()
    digits = [_DIGITS.get(match["core"].lower()) if (match := _SPELT.fullmatch(text)) else None for text in texts]
    tokens = []
    for text, word, digit, following in zip(texts, words, digits, [*digits, None][1:], strict=True):
        spelt = _SPELT.fullmatch(text)
        written = _WRITTEN.fullmatch(text)
        if spelt and following and (times := _REPEATS.get(spelt["core"].lower())):
            tokens.append(_Token(text, times * following, spelt["lead"], spelt["trail"], True, word))
        elif spelt and digit:
            tokens.append(_Token(text, digit, spelt["lead"], spelt["trail"], True, word))
        elif written:
            tokens.append(_Token(text, written["core"], written["lead"], written["trail"], word=word))
        else:
            tokens.append(_Token(text, text, word=word))
    return tokens


def _widened(found: Found, tokens: Sequence[_Token], starts: Sequence[int]) -> Found:
    """``found`` with the whole of the spelt digits at its ends."""
    first, last = bisect_right(starts, found.start) - 1, bisect_left(starts, found.end) - 1
    start = starts[first] if tokens[first].spelt else found.start
    end = starts[last] + len(tokens[last].searched) if tokens[last].spelt else found.end
    return Found(start, end, found.tag)


def _left(
    own: range, tokens: Sequence[_Token], starts: Sequence[int], stream: str, found: Sequence[Found]
) -> Iterator[_Token]:
    """What is left of the tokens ``own``, of which those that share something found are one."""
    at = own.start
    while at < own.stop:
        end = at + 1
        while any(each.start < starts[end] - 1 and each.end > starts[end] for each in found) and end < own.stop:
            end += 1
        yield _merged(tokens[at:end], stream, starts[at], starts[end] - 1, found)
        at = end


def _merged(tokens: Sequence[_Token], stream: str, start: int, end: int, found: Sequence[Found]) -> _Token:
    """``tokens``, which are searched from ``start`` to ``end`` of the stream, as one without what was found."""
    inside = [each for each in found if each.start < end and each.end > start]
    if not inside:
        return tokens[0]
    text, at = tokens[0].lead, start
    for each in inside:
        text += stream[at : max(at, each.start)] + each.tag
        at = each.end
    text += stream[at:end] + tokens[-1].trail
    words = [token.word for token in tokens if token.word is not None]
    if not words:
        return _Token(text, text)
    confidence = min(word.confidence for word in words)
    return _Token(text, text, word=Word(words[0].start_ms, max(word.end_ms for word in words), text, confidence))
