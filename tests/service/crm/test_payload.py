from hypothesis import given, settings
from hypothesis import strategies as st

from service.crm.payload import clipped, utf8, utf16


def test_what_fits_is_left_as_it_is():
    assert clipped("abcde", 5, utf16) == "abcde"
    assert clipped("", 5, utf16) == ""


def test_what_does_not_fit_ends_in_an_ellipsis():
    assert clipped("abcdef", 5, utf16) == "abcd…"
    assert clipped("ab cdef", 4, utf16) == "ab…"


def test_the_size_of_a_character_is_not_always_one():
    assert clipped("🙂🙂🙂", 5, utf16) == "🙂🙂…"
    assert clipped("éééé", 7, utf8) == "éé…"


@settings(max_examples=50)
@given(st.text(max_size=60), st.integers(5, 60), st.sampled_from([utf8, utf16]))
def test_it_always_fits_and_says_when_it_was_cut(text, limit, size):
    cut = clipped(text, limit, size)
    assert sum(map(size, cut)) <= limit
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
    assert (cut == text) or sum(map(size, text)) > limit
