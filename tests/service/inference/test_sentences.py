import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.inference.sentences import sentence_spans

# Pieces that make boundaries likely, beside any character at all.
TEXTS = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [". ", "... ", "? ", "! ", "\n", "\r\n", "\n\n", "Mr. ", "No. 5", " J. S", '." ', "😍 ", "。", ":) "]
        ),
    )
).map("".join)


def split(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I am happy. It works.", ["I am happy.", "It works."]),
        ("no capitals here. it still splits", ["no capitals here.", "it still splits"]),
        ("no end", ["no end"]),
        ("What?! Never! Yes", ["What?!", "Never!", "Yes"]),
        ("It costs 3.50 at www.example.com today.", ["It costs 3.50 at www.example.com today."]),
        ("Mr. Smith met Dr. Jones. They talked.", ["Mr. Smith met Dr. Jones.", "They talked."]),
        ("J. Smith called.", ["J. Smith called."]),
        ("Come at 5 p.m. on Monday. Or at 6 p.m. We wait.", ["Come at 5 p.m. on Monday.", "Or at 6 p.m.", "We wait."]),
        ("No. I want No. 5.", ["No.", "I want No. 5."]),
        ("1. Pay. 2. Call us.", ["1. Pay.", "2. Call us."]),
        ("Wait... what? Well… That is odd.", ["Wait... what?", "Well…", "That is odd."]),
        ('"Really?" she asked. "Yes." He left.', ['"Really?" she asked.', '"Yes."', "He left."]),
        ("Great! 😍👍🏽 I will. :) Thanks", ["Great! 😍👍🏽", "I will. :)", "Thanks"]),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("a wrapped\nline, a paragraph\n\nand another", ["a wrapped\nline, a paragraph", "and another"]),
        ("これは。いいです！はい", ["これは。", "いいです！", "はい"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences(text, sentences):
    assert split(text) == sentences


@given(TEXTS)
@settings(derandomize=True, deadline=None)
def test_spans_are_in_order_and_only_white_space_lies_outside(text):
    end = 0
    for span in sentence_spans(text):
        assert not text[end : span.start].strip()
        assert end <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        end = span.end
    assert not text[end:].strip()


@given(TEXTS)
@settings(derandomize=True, deadline=None)
def test_a_sentence_is_a_function_of_the_text_alone(text):
    assert split(f"  {text}\n") == split(text.strip()) == split(text)
