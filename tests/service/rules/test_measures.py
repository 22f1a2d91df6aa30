"""What the measures come to, on a call whose every number is known."""

import pytest

from service.analyses.acoustic import Role
from service.rules.measures import measures
from service.rules.vocabulary import MEASURES
from service.schemas import Span
from service.schemas.conversation import Agreement
from tests.service.rules.kit import AGENT, CUSTOMER, acoustics, conversation, sentiment, utterance, voice, words

HEARD = acoustics(CUSTOMER, AGENT, customer=voice(angry=0.4, happy=0.1))
SAID = words(
    utterance(CUSTOMER, "x" * 30, Agreement.masked_negative, sentiment(positive=0.5, negative=0.1)),
    utterance(CUSTOMER, "x" * 10, Agreement.possible_sarcasm, sentiment(positive=0.9, negative=0.1)),
    utterance(CUSTOMER, "x" * 10, Agreement.masked_negative, None),
    utterance(AGENT, "x" * 10, Agreement.text_only, sentiment(positive=0.2, negative=0.3)),
)


@pytest.fixture(scope="module")
def known():
    return measures(HEARD, SAID, conversation())


def of(known, subject):
    return {name.removeprefix(f"{subject}."): value for name, value in known.items() if name.startswith(f"{subject}.")}


def test_of_the_call(known):
    assert of(known, "call") == {
        "duration_seconds": 80.0,
        "talk_seconds": 60.0,
        "non_talk_seconds": 9.0,
        "longest_silence_seconds": 5.5,
        "overlap_seconds": 1.5,
        "interruptions": 1,
        "masked_negative": 2,
        "possible_sarcasm": 1,
        "voice_valence": -0.4,
        "text_valence": -0.2,
        "valence": -0.27,
    }


def test_how_a_side_talks(known):
    talk = ("talk_seconds", "talk_share", "turns", "interruptions", "longest_monologue_seconds")
    assert [known[f"customer.{name}"] for name in talk] == [15.0, 0.25, 4, 0, 6.25]
    assert [known[f"agent.{name}"] for name in talk] == [45.0, 0.75, 5, 1, 20.0]
    assert known["customer.response_latency_seconds"] == 0.45
    assert known["customer.words_per_minute"] == 120.5


def test_how_a_voice_sounds_in_all_and_at_its_ends(known):
    angry = [known[f"customer.anger{when}"] for when in ("", "_first_quarter", "_last_quarter")]
    assert angry == [0.4, 0.1, 0.6]
    valences = [known[f"customer.voice_valence{when}"] for when in ("", "_first_quarter", "_last_quarter", "_change")]
    assert valences == [pytest.approx(-0.3), pytest.approx(0.2), pytest.approx(-0.8), -1.0]
    assert [known[f"customer.{emotion}"] for emotion in ("neutral", "calm", "joy", "sadness")] == [0.5, 0, 0.1, 0]
    assert [known[f"customer.{emotion}_last_quarter"] for emotion in ("sadness", "fear", "disgust", "surprise")] == [
        0.2,
        0,
        0,
        0,
    ]


def test_what_the_words_of_a_side_say(known):
    assert known["customer.positive_words"] == pytest.approx((30 * 0.5 + 10 * 0.9) / 40)
    assert known["customer.text_valence"] == pytest.approx((30 * 0.4 + 10 * 0.8) / 40)
    assert known["customer.negative_words_last_quarter"] == 0.8
    assert known["customer.text_valence_change"] == -1.2
    assert known["agent.text_valence"] == pytest.approx(-0.1)


def test_where_voice_and_words_of_a_side_disagree(known):
    assert (known["customer.masked_negative"], known["customer.possible_sarcasm"]) == (2, 1)


def test_what_is_not_known_of_a_side_is_not_there(known):
    for name in (
        "response_latency_seconds",
        "words_per_minute",
        "anger",
        "anger_last_quarter",
        "voice_valence",
        "voice_valence_change",
        "text_valence_first_quarter",
        "masked_negative",
    ):
        assert f"agent.{name}" in MEASURES
        assert f"agent.{name}" not in known


def test_all_of_a_side_that_is_wholly_known_is_there(known):
    assert set(of(known, "customer")) == set(of(MEASURES, "customer"))
    assert set(known) <= set(MEASURES)


def test_before_there_are_words_and_a_conversation_only_the_sound_is_known():
    known = measures(HEARD, None, None)
    emotions = ("neutral", "calm", "joy", "sadness", "anger", "fear", "disgust", "surprise", "voice_valence")
    assert set(known) == {"call.duration_seconds", *(f"customer.{name}" for name in emotions)}


def test_two_with_one_role_are_no_side():
    customers = conversation()
    for part in (*customers.participants, *customers.dynamics.participants, *customers.trends):
        part.role = CUSTOMER
    known = measures(acoustics(CUSTOMER, CUSTOMER, customer=voice(angry=0.4)), None, customers)
    assert of(known, "customer") == of(known, "agent") == {}
    assert known["call.talk_seconds"] == 60.0


def test_nobody_with_a_role_is_no_side():
    assert of(measures(acoustics(Role.unknown), None, None), "customer") == {}


def test_voices_that_are_not_told_apart_do_not_overlap_and_nobody_is_silent_for_long():
    mixed = conversation()
    mixed.dynamics.overlaps = mixed.dynamics.interruptions = None
    mixed.dynamics.non_talk_time.instances = list[Span]()
    known = measures(HEARD, None, mixed)
    assert "call.overlap_seconds" not in known
    assert "call.interruptions" not in known
    assert known["call.longest_silence_seconds"] == 0
