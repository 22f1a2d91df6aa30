"""What is left of a transcript once what is personal is replaced."""

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.privacy.personal import ACCOUNT, CARD, EMAIL, NUMBER, PHONE, find
from service.privacy.redaction import redact, redact_text
from service.transcription import Transcript, Utterance, Word

SPELT = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
prose = st.lists(
    st.sampled_from(["I", "have", "been", "waiting", "for", "3", "weeks,", "and", "it", "is", "not", "here.", "Oh!"]),
    max_size=12,
)


def said(text, *, start_ms=0, channel=1, speaker=None):
    """An utterance whose words take 100 ms each, a tenth of it pause."""
    times = range(start_ms, start_ms + 100 * len(text.split()), 100)
    words = tuple(Word(at, at + 90, word, 0.9) for at, word in zip(times, text.split(), strict=True))
    return Utterance(start_ms, start_ms + 100 * len(words), channel, speaker, text, 0.9, words)


def transcript(*utterances, language="en_us"):
    return Transcript(" ".join(each.text for each in utterances), language, "universal", utterances)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Call (415) 555-0100, thanks. Or +49 30 901820!", f"Call {PHONE}, thanks. Or {PHONE}!"),
        ("It is 415, 555, 0100.", f"It is {PHONE}."),
        ("My line is 555-0100.", f"My line is {PHONE}."),
        ("My card is 4111 1111 1111 1111, 12/26, 123.", f"My card is {CARD}."),
        ("Card 4111111111111111", f"Card {CARD}"),
        ("Not a card: 4111 1111 1111 1112", f"Not a card: {NUMBER}"),
        ("Send it to john.o-smith+crm@mail.example.com, please.", f"Send it to {EMAIL}, please."),
        ("It is GB82 WEST 1234 5698 7654 32 okay", f"It is {ACCOUNT} okay"),
        ("It is DE89370400440532013000.", f"It is {ACCOUNT}."),
        ("Four one five, five five five, oh one double zero. Right?", f"{PHONE}. Right?"),
        ("My policy is 123456789", f"My policy is {NUMBER}"),
        ("tel:+14155550100/+14155550101", f"tel:{PHONE}/{PHONE}"),
    ],
)
def test_what_is_found_is_named_in_its_place(text, left):
    assert redact_text(text, "en_us") == left


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  I have  two cats\nand 14 dogs. ",
        "On 2026-01-31 08:00, or on 31.01.2026 at 10 30.",
        "It cost 1,250,000 dollars in 2024, 2025 and 2026.",
        "Order 12345678.",
        "One, two, three. Oh!",
        "Anna @ work, or at example dot com",
    ],
)
def test_what_is_not_personal_stays_as_it_is(text):
    assert redact_text(text, "en_us") == text


@pytest.mark.parametrize(
    ("language", "left"), [("de", f"Ruf {PHONE} an"), ("en", f"Ruf {NUMBER} an"), ("ja", f"Ruf {NUMBER} an")]
)
def test_which_telephone_numbers_there_are_depends_on_the_language(language, left):
    assert redact_text("Ruf 0151 12345678 an", language) == left


def test_words_that_were_one_number_are_one_that_lasts_as_long():
    (utterance,) = redact(transcript(said("Call 415 555 0100, please."))).utterances
    assert utterance.text == f"Call {PHONE}, please."
    assert [(word.text, word.start_ms, word.end_ms) for word in utterance.words] == [
        ("Call", 0, 90),
        (f"{PHONE},", 100, 390),
        ("please.", 400, 490),
    ]
    assert (utterance.start_ms, utterance.end_ms) == (0, 500)


def test_a_number_that_is_dictated_over_pauses_is_found_on_its_channel():
    found = redact(
        transcript(
            said("It is 4111 1111,"),
            said("Mhm.", start_ms=1_000, channel=2),
            said("1111 1111. Thanks.", start_ms=2_000),
        )
    )
    assert [each.text for each in found.utterances] == [f"It is {CARD},", "Mhm.", f"{CARD}. Thanks."]
    assert [each.channel for each in found.utterances] == [1, 2, 1]
    assert found.text == f"It is {CARD}, Mhm. {CARD}. Thanks."


@pytest.mark.parametrize("interrupted", [True, False])
def test_speakers_of_one_channel_are_searched_apart_and_together(interrupted):
    """The provider may have taken one speaker for two."""
    one = said("4111 1111", channel=None, speaker="A")
    aside = [said("Mhm.", start_ms=1_000, channel=None, speaker="B")] if interrupted else []
    other = said("1111 1111", start_ms=2_000, channel=None, speaker="A" if interrupted else "B")
    found = redact(transcript(one, *aside, other))
    assert [each.text for each in found.utterances if each.text != "Mhm."] == [CARD, CARD]


def test_a_text_that_is_not_that_of_its_words_is_searched_too():
    utterance = said("My number")
    odd = Utterance(0, 200, 1, None, "My number is 4155550100", 0.9, utterance.words)
    found = redact(Transcript("It is 4155550100", "en", "universal", (odd,)))
    assert found.utterances[0].text == f"My number is {PHONE}"
    assert found.utterances[0].words == utterance.words


def test_a_text_without_utterances_is_searched():
    assert redact(Transcript("It is 4155550100", "en", "universal", ())).text == f"It is {PHONE}"


def test_what_holds_nothing_personal_is_the_same_transcript():
    plain = transcript(said("I have been  waiting."), said("Sorry.", start_ms=1_000, channel=2))
    assert redact(plain) == plain


@st.composite
def dictated(draw, digits):
    """``digits`` in groups as people say them, some as words."""
    groups, rest = [], digits
    while rest:
        size = draw(st.integers(1, 5))
        groups.append(rest[:size])
        rest = rest[size:]
    spoken = [" ".join(SPELT[int(digit)] for digit in group) if draw(st.booleans()) else group for group in groups]
    return draw(st.sampled_from([" ", ", "])).join(spoken)


@settings(max_examples=50)
@given(prose, st.data(), st.text("0123456789", min_size=9, max_size=19), prose)
def test_no_long_number_is_left_however_it_is_said(before, data, digits, after):
    spoken = data.draw(dictated(digits))
    assume(not re.search(r"\d\d?[./]\d", spoken))
    left = redact(transcript(said(" ".join([*before, "It's", spoken, "Thanks", *after]))))
    texts = [left.text, *(each.text for each in left.utterances)]
    texts.append(" ".join(word.text for each in left.utterances for word in each.words))
    for text in texts:
        _, _, rest = text.partition("It's")
        number, _, _ = rest.partition("Thanks")
        assert re.fullmatch(r" \[(card|phone) number\] | \[number\] ", number), text


@settings(max_examples=50)
@given(st.lists(st.one_of(prose.map(" ".join), st.text("0123456789 +-.,@ex()", max_size=30)), max_size=5))
def test_it_keeps_the_order_of_times_and_finds_nothing_twice(texts):
    utterances = [said(text, start_ms=10_000 * number) for number, text in enumerate(texts)]
    once = redact(transcript(*utterances))
    for before, after in zip(utterances, once.utterances, strict=True):
        assert (after.start_ms, after.end_ms, after.channel) == (before.start_ms, before.end_ms, before.channel)
        assert [word.start_ms for word in after.words[:1]] == [word.start_ms for word in before.words[:1]]
        assert [word.end_ms for word in after.words[-1:]] == [word.end_ms for word in before.words[-1:]]
        assert all(one.end_ms <= next_.start_ms for one, next_ in pairwise(after.words))
    assert redact(once) == once


@given(st.text(), st.sampled_from(["en_us", "de", None]))
def test_findings_lie_in_the_text_one_after_the_other(text, language):
    found = find(text, language)
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert all(one.end <= next_.start for one, next_ in pairwise(found))
