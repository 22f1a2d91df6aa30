"""The moments that stand out."""

import pytest

from service.analyses.acoustic import Role
from service.conversation.moments import moments
from service.conversation.participants import sides
from tests.service.conversation.kit import DURATION_MS, call, says, sounds, words

NEGATIVE = "negative_voice"


def found(timeline=(), *said, roles=(Role.customer, Role.agent)):
    talk = [(0, DURATION_MS)]
    return moments(sides(call(talk, talk, roles=roles, timeline=timeline), words(*said)), DURATION_MS)


def told(chosen):
    return [(each.kind, each.participant, each.start_ms, each.value) for each in chosen]


def test_an_unpleasant_voice_is_one_with_what_is_said_meanwhile():
    timeline = [sounds(2_000, 5_000, -0.49), sounds(20_000, 23_000, -0.9), sounds(40_000, 42_000, -0.5, 2)]
    said = says(18_000, 20_500, "Hm."), says(20_500, 24_000, "Not again!"), says(20_000, 23_000, "Sorry.", channel=2)
    chosen = found(timeline, *said)
    assert told(chosen) == [(NEGATIVE, 0, 20_000, -0.9), (NEGATIVE, 1, 40_000, -0.5)]
    assert [(each.end_ms, each.text) for each in chosen] == [(23_000, "Not again!"), (42_000, None)]


def test_so_are_unpleasant_words():
    (only,) = found((), says(1_000, 2_000, reads=-0.4), says(20_000, 22_000, "Useless.", channel=2, reads=-0.8))
    assert told([only]) == [("negative_words", 1, 20_000, -0.8)]
    assert (only.end_ms, only.text) == (22_000, "Useless.")


@pytest.mark.parametrize(("heard", "read", "distance"), [(-0.7, 0.2, 0.9), (-0.7, 0.9, 1.6), (0.6, -0.6, 1.2)])
def test_so_is_a_voice_that_does_not_go_with_the_words(heard, read, distance):
    chosen = found((), says(1_000, 2_000, "Great.", sounds=heard, reads=read))
    (only,) = [each for each in chosen if each.kind == "disagreement"]
    assert (told([only]), only.text) == ([("disagreement", 0, 1_000, distance)], "Great.")


def test_what_agrees_is_none():
    assert found((), says(1_000, 2_000, sounds=0.9, reads=0.1), says(3_000, 4_000, sounds=-0.9)) == []


def test_the_three_most_striking_of_a_kind_come_by_how_striking_they_are():
    timeline = [
        sounds(start, start + 3_000, valence)
        for start, valence in [(0, -0.6), (12_000, -0.9), (24_000, -0.7), (36_000, -0.8)]
    ]
    chosen = found(timeline, says(50_000, 51_000, sounds=-0.75, reads=0.75))
    assert told(chosen) == [
        (NEGATIVE, 0, 12_000, -0.9),
        (NEGATIVE, 0, 36_000, -0.8),
        ("disagreement", 0, 50_000, 1.5),
        (NEGATIVE, 0, 24_000, -0.7),
    ]


def test_those_of_one_side_that_are_near_each_other_are_one():
    timeline = [sounds(10_000, 13_000, -0.7), sounds(13_000, 16_000, -0.9), sounds(13_000, 16_000, -0.6, 2)]
    assert told(found(timeline)) == [(NEGATIVE, 0, 13_000, -0.9), (NEGATIVE, 1, 13_000, -0.6)]
    later = [*timeline, sounds(23_000, 26_000, -0.8)]
    assert told(found(later))[1] == (NEGATIVE, 0, 23_000, -0.8)


@pytest.mark.parametrize(("roles", "first"), [((Role.customer, Role.agent), 0), ((Role.agent, Role.customer), 1)])
def test_among_equals_the_customer_comes_first(roles, first):
    timeline = [sounds(1_000, 4_000, -0.7, 1), sounds(1_000, 4_000, -0.7, 2)]
    assert [each.participant for each in found(timeline, roles=roles)] == [first, 1 - first]


def test_they_lie_in_the_recording_whatever_the_provider_says():
    (only,) = found((), says(59_000, 61_000, reads=-0.9))
    assert (only.start_ms, only.end_ms) == (59_000, 60_000)
