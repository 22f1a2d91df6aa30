"""The measures of a call that is known."""

import pytest

from service.conversation.dynamics import dynamics
from service.conversation.participants import sides
from service.schemas import Span
from tests.service.conversation.kit import call, mixed, says, words


def measured(*talk, said=None):
    return dynamics(sides(call(*talk), said), transcribed=said is not None)


def stretches(spans):
    return [(span.start_ms, span.end_ms) for span in spans]


def test_a_call_is_measured_exactly():
    found = measured(
        # The agent greets, the customer explains, "mm-hm", explains on, and is cut short;
        [(5_000, 12_000), (12_600, 20_000), (46_000, 47_500)],
        # then somebody holds the line for twenty seconds.
        [(1_000, 4_200), (9_000, 9_500), (19_000, 25_000), (45_000, 45_400)],
    )
    assert found.total_conversation_ms == 46_500
    assert found.talk_ms == 3_200 + 7_000 + 12_400 + 400 + 1_500
    assert stretches(found.non_talk_time.instances) == [(25_000, 45_000)]
    assert found.non_talk_time.total_ms == 20_000
    assert stretches(found.overlaps.instances) == [(9_000, 9_500), (19_000, 20_000)]
    assert found.overlaps.total_ms == 1_500
    assert [(each.by, each.start_ms, each.end_ms) for each in found.interruptions.instances] == [(1, 19_000, 20_000)]
    assert (found.interruptions.total_count, found.interruptions.total_ms) == (1, 1_000)
    customer, agent = found.participants
    assert (customer.talk_ms, agent.talk_ms) == (15_900, 10_100)
    assert (customer.talk_share, agent.talk_share) == (0.6115, 0.3885)
    assert (customer.turns, agent.turns) == (2, 3)
    assert customer.longest_monologue == Span(start_ms=5_000, end_ms=20_000)
    assert agent.longest_monologue == Span(start_ms=19_000, end_ms=25_000)
    assert customer.response_latency_ms == (800 + 600) / 2
    assert agent.response_latency_ms is None
    assert (customer.interruptions, agent.interruptions) == (0, 1)


@pytest.mark.parametrize(("pause_ms", "total_ms"), [(2_999, 0), (3_000, 3_000)])
def test_a_silence_is_of_all_and_takes_three_seconds(pause_ms, total_ms):
    found = measured([(1_000, 2_000), (20_000, 21_000)], [(2_000 + pause_ms, 19_000)])
    assert found.non_talk_time.total_ms == total_ms


def test_before_the_first_word_and_after_the_last_nobody_converses():
    found = measured([(20_000, 22_000)], [])
    assert (found.total_conversation_ms, found.non_talk_time.total_ms) == (2_000, 0)


def test_who_says_nothing_has_no_measures():
    _, agent = measured([(1_000, 2_000)], [], said=words(says(1_000, 2_000))).participants
    assert (agent.talk_ms, agent.talk_share, agent.turns, agent.interruptions) == (0, 0, 0, 0)
    assert (agent.longest_monologue, agent.response_latency_ms, agent.words_per_minute) == (None, None, None)


def test_words_are_counted_in_ones_own_talk():
    said = words(says(1_000, 4_000, "Where is my car?"), says(5_000, 8_000, "It is on its way now.", channel=2))
    customer, agent = measured([(1_000, 4_000)], [(5_000, 8_000)], said=said).participants
    assert (customer.words_per_minute, agent.words_per_minute) == (80, 120)


def test_who_is_transcribed_as_silent_says_no_words_and_without_a_transcript_nobody_knows():
    assert measured([(1_000, 4_000)], [], said=words()).participants[0].words_per_minute == 0
    assert measured([(1_000, 4_000)], []).participants[0].words_per_minute is None


def test_speakers_of_one_channel_are_measured_by_their_labels():
    said = words(
        says(900, 4_000, "Good morning to you.", channel=None, speaker="A"),
        says(4_000, 6_000, "Hello.", channel=None, speaker="B"),
        says(7_000, 9_000, "So.", channel=None, speaker="A"),
    )
    found = dynamics(sides(mixed([(1_000, 6_000), (7_000, 9_000)]), said), transcribed=True)
    assert [(each.speaker, each.talk_ms, each.turns) for each in found.participants] == [
        ("A", 5_000, 2),
        ("B", 2_000, 1),
    ]
    assert [each.response_latency_ms for each in found.participants] == [1_000, 0]
    assert (found.overlaps.total_ms, found.interruptions.total_count) == (0, 0)


def test_voices_that_nobody_tells_apart_have_talk_alone():
    said = words(says(1_000, 4_000, "Where is my car?", channel=None))
    found = dynamics(sides(mixed([(1_000, 4_000), (8_000, 9_000)]), said), transcribed=True)
    assert (found.talk_ms, found.non_talk_time.total_ms) == (4_000, 4_000)
    assert (found.overlaps, found.interruptions) == (None, None)
    (whoever,) = found.participants
    assert (whoever.talk_ms, whoever.talk_share, whoever.words_per_minute) == (4_000, 1, 60)
    assert (whoever.turns, whoever.interruptions, whoever.longest_monologue) == (None, None, None)
    assert whoever.response_latency_ms is None
