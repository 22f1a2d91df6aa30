"""Who has the floor when."""

from service.conversation.spans import Interval
from service.conversation.turns import turns


def taken(*talk):
    return turns([[Interval(*stretch) for stretch in own] for own in talk])


def spans(*talk):
    return [[turn.span for turn in own] for own in taken(*talk)]


def interruptions(*talk):
    return [[turn.interrupts for turn in own if turn.interrupts] for own in taken(*talk)]


def latencies(*talk):
    return [[turn.latency_ms for turn in own] for own in taken(*talk)]


class TestTurns:
    def test_one_follows_the_other(self):
        assert spans([(0, 4_000), (7_000, 9_000)], [(4_500, 6_500)]) == [[(0, 4_000), (7_000, 9_000)], [(4_500, 6_500)]]

    def test_a_pause_does_not_end_a_turn(self):
        assert spans([(0, 4_000), (6_000, 9_000)], []) == [[(0, 9_000)], []]

    def test_a_silence_does(self):
        assert spans([(0, 4_000), (7_000, 9_000)], []) == [[(0, 4_000), (7_000, 9_000)], []]

    def test_a_backchannel_neither_is_one_nor_ends_one(self):
        assert spans([(0, 4_000), (4_600, 9_000)], [(2_000, 2_500), (7_000, 7_600)]) == [[(0, 9_000)], []]

    def test_who_is_talked_over_does_not_get_one(self):
        assert spans([(0, 9_000)], [(3_000, 6_000)]) == [[(0, 9_000)], []]

    def test_the_edges_of_what_is_talked_over_are_no_more_exact_than_they_are(self):
        assert spans([(0, 9_000)], [(8_500, 9_200)]) == [[(0, 9_000)], []]
        assert spans([(0, 9_000)], [(8_500, 9_201)]) == [[(0, 9_000)], [(8_500, 9_201)]]

    def test_two_who_talk_at_once_both_have_one(self):
        assert spans([(0, 2_000)], [(0, 2_000)]) == [[(0, 2_000)], [(0, 2_000)]]

    def test_an_answer_in_the_pause_of_a_question_is_one(self):
        question = [(0, 2_000), (3_000, 5_000)]
        assert spans(question, [(2_300, 2_700)]) == [question, [(2_300, 2_700)]]

    def test_nobody_has_none(self):
        assert taken() == []
        assert taken([], []) == [[], []]


class TestInterruptions:
    def test_who_cuts_in_and_goes_on_interrupts_until_the_other_stops(self):
        assert interruptions([(0, 5_000)], [(4_000, 8_000)]) == [[], [(4_000, 5_000)]]

    def test_who_pauses_meanwhile_does_too(self):
        assert interruptions([(0, 5_000)], [(4_400, 5_300), (5_900, 8_000)]) == [[], [(4_400, 5_000)]]

    def test_a_little_overlap_is_how_turns_follow_each_other(self):
        assert interruptions([(0, 5_000)], [(4_500, 8_000)]) == [[], [(4_500, 5_000)]]
        assert interruptions([(0, 5_000)], [(4_501, 8_000)]) == [[], []]

    def test_a_backchannel_is_none(self):
        assert interruptions([(0, 5_000)], [(2_000, 2_600)]) == [[], []]

    def test_nor_is_one_at_the_end(self):
        assert interruptions([(0, 5_000), (7_000, 9_000)], [(4_400, 5_999)]) == [[], []]

    def test_an_attempt_that_fails_is_none(self):
        assert interruptions([(0, 9_000)], [(3_000, 6_000)]) == [[], []]

    def test_who_begins_at_once_interrupts_nobody(self):
        assert interruptions([(0, 2_000)], [(200, 6_000)]) == [[], []]
        assert interruptions([(0, 2_000)], [(201, 6_000)]) == [[], [(201, 2_000)]]

    def test_the_floor_may_be_taken_back(self):
        assert interruptions([(0, 5_000), (7_000, 11_000)], [(4_000, 8_000)]) == [[(7_000, 8_000)], [(4_000, 5_000)]]

    def test_three_may_talk(self):
        assert interruptions([(0, 5_000)], [(0, 4_800)], [(4_000, 8_000)]) == [[], [], [(4_000, 5_000)]]


class TestLatencies:
    def test_an_answer_has_one(self):
        assert latencies([(0, 4_000), (7_500, 9_000)], [(4_600, 7_000)]) == [[None, 500], [600]]

    def test_however_long_it_takes(self):
        assert latencies([(0, 4_000)], [(14_000, 15_000)]) == [[None], [10_000]]

    def test_an_overlap_takes_no_time(self):
        assert latencies([(0, 4_000)], [(3_900, 7_000)]) == [[None], [0]]

    def test_who_goes_on_after_a_silence_answers_nobody(self):
        assert latencies([(0, 4_000), (14_000, 15_000)], []) == [[None, None], []]

    def test_who_interrupts_does_not_answer(self):
        assert latencies([(0, 5_000)], [(4_000, 8_000)]) == [[None], [None]]

    def test_backchannels_do_not_count(self):
        assert latencies([(0, 4_000), (4_600, 6_000)], [(2_000, 2_500), (7_000, 8_000)]) == [[None], [1_000]]

    def test_of_several_it_is_the_last_that_is_answered(self):
        assert latencies([(0, 4_000)], [(4_500, 6_000)], [(6_100, 7_000)]) == [[None], [500], [100]]
