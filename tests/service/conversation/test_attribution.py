"""Whose voice a window holds."""

import pytest

from service.analyses.abstention import Abstention
from service.analyses.acoustic import Source
from service.conversation.attribution import attribute, heard, speaking
from tests.service.conversation.kit import says, sounds


def test_what_is_no_speech_is_not_heard():
    speech, sigh = sounds(0, 900, -1), sounds(900, 1_900, -1, source=Source.vocal_burst)
    assert heard([speech, sigh]) == [speech]


@pytest.mark.parametrize("reason", Abstention)
def test_nor_is_what_the_model_abstains_from(reason):
    assert heard([sounds(0, 900, -1, abstained=reason)]) == []


def test_speakers_come_in_the_order_of_their_first_words():
    spoken = [
        says(0, 900, speaker="B"),
        says(900, 2_000, speaker="A"),
        says(1_900, 2_500, speaker="A"),
        says(3_000, 4_000),
    ]
    assert list(speaking(spoken).items()) == [("B", [(0, 900)]), ("A", [(900, 2_500)])]


def test_a_window_is_whose_speaks_most_in_it():
    speakers = speaking([says(0, 2_500, speaker="A"), says(2_500, 6_000, speaker="B"), says(6_000, 7_000, speaker="A")])
    first, second, third = sounds(0, 3_000, 0.1), sounds(3_000, 6_000, 0.2), sounds(5_500, 6_800, 0.3)
    assert attribute([first, second, third], speakers) == {"A": [first, third], "B": [second]}


def test_an_interjection_in_the_window_of_another_has_no_voice():
    speakers = speaking([says(0, 1_200, speaker="A"), says(1_200, 1_700, speaker="B"), says(1_700, 3_000, speaker="A")])
    window = sounds(0, 3_000, -0.8)
    assert attribute([window], speakers) == {"A": [window], "B": []}


def test_a_window_in_which_nobody_is_known_to_speak_is_nobodys():
    assert attribute([sounds(5_000, 6_000, 0)], speaking([says(0, 5_000, speaker="A")])) == {"A": []}
    assert attribute([sounds(5_000, 6_000, 0)], {}) == {}
