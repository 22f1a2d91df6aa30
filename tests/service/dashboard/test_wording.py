import pytest

from service import problems
from service.analyses.abstention import Abstention
from service.analyses.acoustic import ChannelStatus
from service.analyses.states import Step, WordsStatus
from service.dashboard import wording
from service.dashboard.client import RefusedError, UnreachableError
from service.schemas.conversation import Agreement, MomentKind


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call 7", "call 7"),
        ("<b>x</b>", r"\<b\>x\<\/b\>"),
        ("![x](http://evil)", "\\!\\[x\\]\\(http\\:\u2060\\/\\/evil\\)"),
        ("www.evil.example", "www\u2060\\.evil\\.example"),
        ("eve@evil.example", "eve\u2060\\@evil\\.example"),
        ("$x$ :red[y]\n# z", r"\$x\$ \:red\[y\] \# z"),
    ],
)
def test_text_is_shown_as_it_is(text, shown):
    assert wording.plain(text) == shown


@pytest.mark.parametrize(("ms", "shown"), [(0, "0:00"), (185_400, "3:05"), (3_785_000, "1:03:05")])
def test_times_are_shown_as_clocks_show_them(ms, shown):
    assert wording.clock(ms) == shown


def test_a_time_of_the_service_is_told_in_utc():
    assert wording.moment("2026-01-31T09:05:00.123000+01:00") == "31 Jan 2026, 08:05 UTC"


def test_every_word_of_the_api_has_one_for_people():
    assert set(wording.STEPS) == set(Step)
    assert set(wording.ABSTAINED) == set(Abstention)
    assert set(wording.AGREEMENT) == set(Agreement)
    assert set(wording.MOMENTS) == set(MomentKind)
    assert set(wording.CHANNEL_STATUS) == set(ChannelStatus)
    for status in set(WordsStatus) - {WordsStatus.completed}:
        assert len(wording.transcript_note({"status": status, "reason": None})) > 20


@pytest.mark.parametrize(
    ("side", "name"),
    [
        ({"channel": 1, "role": "customer", "speaker": None}, "1 · customer"),
        ({"channel": None, "role": "unknown", "speaker": "A"}, "speaker A"),
        ({"channel": 2, "role": "unknown"}, "2 · speaker unknown"),
    ],
)
def test_a_side_is_named_by_what_is_known_of_it(side, name):
    assert wording.channel_name(side) == name


def test_who_cannot_reach_the_service_is_told_what_to_do():
    wrong, help_ = wording.advice(UnreachableError("No service answers at http://127.0.0.1:8000."))
    assert "127" in wrong
    assert "make run" in help_


@pytest.mark.parametrize("kind", [problems.UnknownAnalysis, problems.ErasedAnalysis])
def test_who_comes_too_late_is_told_why(kind):
    problem = kind("It is gone.").document()
    assert wording.advice(RefusedError(problem["status"], problem))[1] != wording.plain("It is gone.")


def test_any_other_refusal_says_what_the_service_said_and_when_to_come_again():
    problem = problems.Busy("Too much waits.", 7)
    _, help_ = wording.advice(RefusedError(503, problem.document(), "7"))
    assert help_ == r"Too much waits\. Try again in 7 seconds."
