"""Conditions: what they mean, and how those that cannot be read are refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.rules.expression import MAX_DEPTH, RuleError, parse
from service.rules.vocabulary import MEASURES

ANGER, SHARE, LENGTH = "customer.anger", "agent.talk_share", "call.duration_seconds"


def holds(text, **values):
    known = {"anger": ANGER, "share": SHARE, "length": LENGTH}
    return parse(text).holds({known[name]: value for name, value in values.items()})


@pytest.mark.parametrize(
    ("sign", "below", "same", "above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        (">", False, False, True),
        (">=", False, True, True),
        ("==", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_comparisons(sign, below, same, above):
    for anger, expected in [(0.4, below), (0.5, same), (0.6, above)]:
        assert holds(f"{ANGER} {sign} 0.5", anger=anger) is expected
        assert holds(f"{ANGER} {sign} {SHARE}", anger=anger, share=0.5) is expected
        assert holds(f"0.5 {sign} {ANGER}", anger=1 - anger) is expected


@pytest.mark.parametrize("text", ["0.5<customer.anger", "  0.5\t<\n customer.anger ", "(((0.5 < customer.anger)))"])
def test_white_space_and_parentheses_are_free(text):
    assert holds(text, anger=0.6) is True


def test_a_number_may_be_negative():
    assert parse("customer.voice_valence < -0.25").holds({"customer.voice_valence": -0.3}) is True


def test_not_binds_closer_than_and_which_binds_closer_than_or():
    yes, no = "1 > 0", "0 > 1"
    assert holds(f"{yes} or {yes} and {no}") is True
    assert holds(f"({yes} or {yes}) and {no}") is False
    assert holds(f"not {no} or {yes}") is True
    assert holds(f"not ({no} or {yes})") is False
    assert holds(f"not {yes} and {no}") is False
    assert holds(f"not ({yes} and {no})") is True
    assert holds(f"not not {yes}") is True


class TestWhatIsNotKnown:
    YES, NO, UNKNOWN = "1 > 0", "0 > 1", f"{ANGER} > 0.5"

    def test_a_comparison_with_it_is_neither_true_nor_false(self):
        for sign in ("<", "<=", ">", ">=", "==", "!="):
            assert holds(f"{ANGER} {sign} 0.5") is None
            assert holds(f"{ANGER} {sign} {ANGER}") is None
        assert holds(f"not {self.UNKNOWN}") is None

    def test_it_does_not_matter_where_the_rest_decides(self):
        assert holds(f"{self.UNKNOWN} or {self.YES}") is True
        assert holds(f"{self.YES} or {self.UNKNOWN}") is True
        assert holds(f"{self.UNKNOWN} and {self.NO}") is False
        assert holds(f"{self.NO} and {self.UNKNOWN}") is False

    def test_it_matters_where_the_rest_does_not(self):
        assert holds(f"{self.UNKNOWN} or {self.NO}") is None
        assert holds(f"{self.UNKNOWN} and {self.YES}") is None
        assert holds(f"{self.UNKNOWN} or {self.UNKNOWN} and {self.YES}") is None


def test_the_measures_of_a_condition_are_told_in_their_order_and_once():
    assert parse(f"{SHARE} > 0.5 and ({ANGER} > 0.5 or {SHARE} < 0.1)").names == (SHARE, ANGER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at character 1 the condition ends; expected a measure or a number, not or ("),
        ("   ", "at character 4 the condition ends; expected a measure or a number, not or ("),
        ("customer.anger", "at character 15 the condition ends; expected one of < <= > >= == !="),
        ("customer.anger >", "at character 17 the condition ends; expected a measure or a number"),
        ("customer.anger > and", "at character 18 there is 'and'; expected a measure or a number"),
        ("customer.anger > > 1", "at character 18 there is '>'; expected a measure or a number"),
        ("0 < customer.anger < 1", "at character 20 there is '<'; expected and, or, or the end"),
        (
            "customer.anger > 1 call.valence < 0",
            "at character 20 there is 'call.valence'; expected and, or, or the end",
        ),
        ("customer.anger > 1 AND 1 > 0", "at character 20 there is 'AND'; expected and, or, or the end"),
        ("(customer.anger > 1", "at character 20 the condition ends; expected and, or, or )"),
        ("customer.anger > 1)", "at character 19 there is ')'; expected and, or, or the end"),
        ("(customer.anger) > 1", "at character 16 there is ')'; expected one of < <= > >= == !="),
        ("not", "at character 4 the condition ends; expected a measure or a number, not or ("),
        ("customer.anger = 1", "at character 16 there is '=', which no condition has"),
        ("customer.anger > 1.", "at character 19 there is '.', which no condition has"),
        ("call.valence > - 1", "at character 16 there is '-', which no condition has"),
        (
            "__import__('os')",
            "at character 1 there is no measure '__import__'; the measures are customer.talk_seconds, ",
        ),
        ("call.anger > 1", "at character 1 there is no measure 'call.anger'; the measures are call.duration_seconds, "),
    ],
)
def test_what_is_no_condition_is_refused_where_it_goes_wrong(text, message):
    with pytest.raises(RuleError) as caught:
        parse(text)
    assert str(caught.value).startswith(message)


def test_for_an_unknown_measure_those_of_its_subject_are_listed():
    with pytest.raises(RuleError) as caught:
        parse("1 > 0 and agent.angre > 0.5")
    listed = str(caught.value).partition("the measures are ")[2].split(", ")
    assert listed == [name for name in MEASURES if name.startswith("agent.")]


@pytest.mark.parametrize("opening", ["(", "not "])
def test_nesting_is_bounded(opening):
    deepest = opening * (MAX_DEPTH - 1) + "1 > 0" + (MAX_DEPTH - 1) * (")" if opening == "(" else "")
    assert parse(deepest).holds({}) in (True, False)
    with pytest.raises(RuleError, match="nested more than 20 levels deep"):
        parse(opening * 100 + "1 > 0")


def test_the_length_is_bounded():
    longest = "1 > 0" + " " * 495
    assert parse(longest).holds({}) is True
    with pytest.raises(RuleError, match="at most 500 characters; this one has 501"):
        parse(longest + " ")


def conditions():
    number = st.floats(-2, 2).map(lambda value: f"{value:.2f}")
    operand = st.one_of(st.sampled_from([ANGER, SHARE, LENGTH]), number)
    comparison = st.tuples(operand, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), operand).map(" ".join)
    return st.recursive(
        comparison,
        lambda inner: st.one_of(
            inner.map("not ({})".format),
            st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda parts: "(" + "".join(parts) + ")"),
        ),
        max_leaves=6,
    )


@settings(max_examples=100)
@given(conditions(), st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_where_all_is_known_it_says_what_python_would_say(text, anger, share, length):
    python = text
    for name, value in [(ANGER, anger), (SHARE, share), (LENGTH, length)]:
        python = python.replace(name, f"({value!r})")
    assert holds(text, anger=anger, share=share, length=length) is eval(python)  # noqa: S307


@settings(max_examples=50)
@given(conditions(), st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_knowing_more_never_turns_true_into_false(text, anger, share, length):
    before = holds(text, share=share)
    assert before is None or holds(text, anger=anger, share=share, length=length) is before


@settings(max_examples=100)
@given(st.text(max_size=40) | st.text("()<>=! .0123456789-andortcusmegl_", max_size=40))
def test_any_text_is_a_condition_or_refused(text):
    try:
        condition = parse(text)
    except RuleError:
        return
    assert condition.holds({}) in (True, False, None)
