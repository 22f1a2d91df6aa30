"""Sentences of a text, by rule.

A sentence ends at ``.``, ``!``, ``?`` or ``…`` before white space, at a full-width stop, or with its line.
Closing quotes and brackets, emoji and emoticons that follow stay with it. It goes on

- inside a number, an address or a domain, where no white space follows;
- after a title or another abbreviation, an initial ("J. Smith") and the number of a list item ("2. Pay");
- after an ellipsis or a closed quotation before a lower-case letter ("Really?" she asked);
- over a single line break before a lower-case letter, which is a wrapped line.
"""

import re
from typing import Final, NamedTuple

_EMOJI: Final = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d"
_EMOTICON: Final = r"[:;=]['-]?[()DPp/|](?!\w)"
_END: Final = re.compile(
    rf"""(?:(?P<marks>[.!?…]+)(?P<closers>["'”’»)\]]*)(?P<mood>(?:[ ]?(?:[{_EMOJI}]|{_EMOTICON}))*)(?=\s|\Z)
        |(?P<wide>[。！？]+[」』”’）]*)
        |(?P<line>[\n\r\u2028\u2029]\s*))""",
    re.VERBOSE,
)
_LAST_WORD: Final = re.compile(r"[\w.&-]*\Z")

# A name follows these, so they never end a sentence.
_TITLE: Final = re.compile(r"mrs?|m[sx]|dr|prof|sgt|capt|messrs|vs|cf|e\.g|i\.e", re.IGNORECASE)
# These do not where a number follows: "No. 5", but "No. I want my money back."
_BEFORE_A_NUMBER: Final = re.compile(r"nos?|fig|ext|tel|approx|ca|p|pp", re.IGNORECASE)
# These end a sentence only where a capital follows.
_ABBREVIATION: Final = re.compile(
    r"etc|inc|ltd|co|corp|dept|est|apt|ave|blvd|st|rd|[js]r|ph\.d|[a-z](?:\.[a-z])+"
    r"|jan|feb|mar|apr|aug|sept?|oct|nov|dec|mon|tues?|wed|thu(?:rs)?|fri",
    re.IGNORECASE,
)


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text."""

    start: int
    end: int


def sentence_spans(text: str) -> list[Span]:
    """The sentences of ``text`` in order, without the white space around them.

    Only white space lies outside the spans, so a text without any other character has none.
    """
    spans = []
    start = 0
    for match in _END.finditer(text):
        if _ends_sentence(text, start, match):
            spans.append(_stripped(text, start, match.end()))
            start = match.end()
    spans.append(_stripped(text, start, len(text)))
    return [span for span in spans if span.start < span.end]


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    if match["wide"]:
        return True
    following = text[match.end() : match.end() + 64].lstrip()[:1]
    if match["line"]:
        return not following.islower() or len(match["line"].splitlines()) > 1
    if following.islower() and (match["closers"] or match["marks"] == "…" or match["marks"].startswith("..")):
        return False
    return match["marks"] != "." or not _is_abbreviated(text, start, match.start(), following)


def _is_abbreviated(text: str, start: int, stop: int, following: str) -> bool:
    """Whether the full stop at ``stop`` belongs to the word before it and the sentence goes on."""
    before = text[max(start, stop - 16) : stop]
    found = _LAST_WORD.search(before)
    word = found.group() if found else ""
    if _TITLE.fullmatch(word) or (_BEFORE_A_NUMBER.fullmatch(word) and following.isdecimal()):
        return True
    if _ABBREVIATION.fullmatch(word):
        return not following.isupper()
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    is_list_number = word.isdecimal() and not text[start:stop].strip().removesuffix(word)
    return (is_initial and following.isupper()) or is_list_number


def _stripped(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))
