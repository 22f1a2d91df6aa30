"""From what was heard and what was said to how a call went."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.analyses.acoustic import Layout, Role
from service.audio.decode import SAMPLE_RATE, Limits, decode
from service.audio.vad import VoiceActivity, speech_regions
from service.conversation import converse
from service.conversation.participants import sides
from service.conversation.turns import turns
from service.inference.artefacts import Artefact
from tests.service.conversation.kit import DURATION_MS, PADDING_MS, call, mixed, says, sounds, words


class TestValence:
    def test_it_is_the_customers(self):
        timeline = [sounds(1_000, 4_000, -0.6), sounds(4_000, 5_000, 0.2), sounds(8_000, 9_000, 0.9, 2)]
        said = words(says(1_000, 5_000, "x", reads=0.3), says(8_000, 9_000, "x", channel=2, reads=0.9))
        found = converse(call([(1_000, 5_000)], [(8_000, 9_000)], timeline=timeline), said)
        assert (found.voice_valence, found.text_valence) == (-0.4, 0.3)
        assert found.valence == pytest.approx(-0.4 / 3 + 0.3 * 2 / 3, abs=1e-4)

    def test_it_is_everybodys_where_nobody_knows_who_the_customer_is(self):
        timeline = [sounds(1_000, 4_000, -0.6), sounds(8_000, 9_000, 0.2, 2)]
        heard = call([(1_000, 5_000)], [(8_000, 9_000)], roles=[Role.unknown] * 2, timeline=timeline)
        assert converse(heard, None).voice_valence == -0.4

    def test_a_side_that_was_not_listened_to_has_words_and_dynamics(self):
        said = words(says(8_000, 9_000, channel=2, reads=0.9))
        found = converse(call([(1_000, 5_000)], [(8_000, 9_000)], timeline=[sounds(1_000, 4_000, -0.6)]), said)
        agent = found.trends[1]
        assert [each.voice for each in agent.quarters] == [None] * 4
        assert [each.text_valence for each in agent.quarters] == [0.9, None, None, None]
        assert found.dynamics.participants[1].talk_ms == 1_000
        assert (found.voice_valence, found.text_valence, found.valence) == (-0.6, None, -0.6)


def test_everybody_is_in_one_order():
    found = converse(call([(1_000, 5_000)], [(8_000, 9_000)]), None)
    assert [(each.channel, each.role) for each in found.participants] == [(1, Role.customer), (2, Role.agent)]
    for measured in (found.dynamics.participants, found.trends):
        assert [dict(each) | dict(who) for each, who in zip(measured, found.participants, strict=True)] == [
            dict(each) for each in measured
        ]


@pytest.mark.parametrize("heard", [call([], []), mixed([])])
def test_where_nobody_talks_there_is_no_conversation(heard):
    assert converse(heard, None) is None


def test_nor_in_what_was_stored_before_it_was_known_when_anybody_does():
    heard = call([(1_000, 2_000)], [])
    stored = heard.model_dump(exclude={"channels": {"__all__": {"speech", "loudness_dbfs"}}})
    assert converse(type(heard).model_validate(stored), words(says(1_000, 2_000))) is None


# Times in tenths of a second, so that coincidences happen.
TALK = (
    st.lists(st.integers(2, 598), max_size=16, unique=True)
    .map(sorted)
    .map(lambda edges: [(start * 100, end * 100) for start, end in zip(edges[::2], edges[1::2], strict=False)])
    .map(lambda talk: [(start, end) for start, end in talk if all(start - one > 200 or one >= end for _, one in talk)])
)
TENTHS = st.integers(-10, 10).map(lambda tenths: tenths / 10)
SPANS = st.tuples(st.integers(0, 570), st.integers(1, 30)).map(lambda pair: (pair[0] * 100, sum(pair) * 100))
HEARD = st.lists(st.tuples(SPANS, TENTHS), max_size=6, unique_by=lambda each: each[0][0])
SAID = st.lists(
    st.tuples(SPANS, st.one_of(st.none(), TENTHS), st.one_of(st.none(), TENTHS), st.sampled_from(["A", "B", None])),
    max_size=5,
)


def _call(talk, heard, said, roles):
    timeline = [sounds(*span, valence, channel) for channel, own in enumerate(heard, start=1) for span, valence in own]
    spoken = [
        says(*span, channel=channel, reads=reads, sounds=voice)
        for channel, own in enumerate(said, start=1)
        for span, reads, voice, _ in own
    ]
    spoken.sort(key=lambda each: each.start_ms)
    return call(*talk, roles=roles, timeline=timeline), words(*spoken)


@given(st.tuples(TALK, TALK), st.tuples(HEARD, HEARD), st.tuples(SAID, SAID))
@settings(max_examples=60)
def test_swapping_the_channels_swaps_the_participants_and_nothing_else(talk, heard, said):
    found = converse(*_call(talk, heard, said, [Role.customer, Role.agent]))
    swapped = converse(*_call(talk[::-1], heard[::-1], said[::-1], [Role.agent, Role.customer]))
    if found is None:
        assert swapped is None
        return
    back = swapped.model_dump()
    back["participants"].reverse()
    back["dynamics"]["participants"].reverse()
    back["trends"].reverse()
    for each in (*back["participants"], *back["dynamics"]["participants"], *back["trends"]):
        each["channel"] = 3 - each["channel"]
    for each in back["moments"]:
        each["participant"] = 1 - each["participant"]
    for each in back["dynamics"]["interruptions"]["instances"]:
        each["by"] = 1 - each["by"]
    assert _rounded(back) == _rounded(found.model_dump())


def _rounded(found):
    # Of shares that round alike the first gets the last step.
    for each in found["dynamics"]["participants"]:
        each["talk_share"] = round(each["talk_share"], 3)
    return found


@given(st.tuples(TALK, TALK), st.tuples(HEARD, HEARD), st.tuples(SAID, SAID))
@settings(max_examples=60)
def test_the_parts_of_a_call_make_a_call(talk, heard, said):
    found = converse(*_call(talk, heard, said, [Role.customer, Role.agent]))
    if found is not None:
        _check(found)
        assert (
            found.dynamics.talk_ms
            == sum(each.talk_ms for each in found.dynamics.participants) - found.dynamics.overlaps.total_ms
        )


@given(TALK, HEARD, SAID, st.sampled_from([Layout.mixed, Layout.dual_mono]))
@settings(max_examples=60)
def test_so_do_those_of_one_channel(talk, heard, said, layout):
    timeline = [sounds(*span, valence) for span, valence in heard]
    spoken = [
        says(*span, channel=None, speaker=speaker, reads=reads, sounds=voice) for span, reads, voice, speaker in said
    ]
    spoken.sort(key=lambda each: each.start_ms)
    found = converse(mixed(talk, timeline=timeline, layout=layout), words(*spoken))
    assert (found is None) == (not talk)
    if found is not None:
        _check(found)


def _check(found):
    measured = found.dynamics
    assert sum(each.talk_share for each in measured.participants) == pytest.approx(1)
    assert measured.talk_ms + measured.non_talk_time.total_ms <= measured.total_conversation_ms
    instances = [measured.non_talk_time.instances, measured.overlaps and measured.overlaps.instances]
    for spans in filter(None, instances):
        assert all(one.end_ms < other.start_ms for one, other in pairwise(spans))
    spans = [span for each in filter(None, instances) for span in each]
    spans += [*found.moments, *(each.longest_monologue for each in measured.participants if each.longest_monologue)]
    if measured.interruptions:
        spans += measured.interruptions.instances
        by = [each.by for each in measured.interruptions.instances]
        assert [by.count(who) for who in range(len(found.participants))] == [
            each.interruptions for each in measured.participants
        ]
    for trend in found.trends:
        spans += trend.quarters
        for prediction in (each for quarter in trend.quarters for each in (quarter.voice, quarter.sentiment)):
            assert prediction is None or math.isclose(sum(prediction.scores.values()), 1, abs_tol=1e-9)
    assert all(0 <= span.start_ms <= span.end_ms <= DURATION_MS for span in spans)


@given(st.tuples(TALK, TALK), st.integers(1, 50).map(lambda tenths: tenths * 100))
@settings(max_examples=40)
def test_silence_before_a_call_moves_it_and_changes_no_measure(talk, offset):
    later = [[(start + offset, end + offset) for start, end in own] for own in talk]
    now = converse(call(*talk), None)
    then = converse(call(*later, duration_ms=DURATION_MS + offset), None)
    if now is None:
        assert then is None
        return
    one, other = now.dynamics.model_dump(), then.dynamics.model_dump()
    assert _moved(one, offset) == other


def _moved(found, offset):
    """``found`` with its times this much later."""
    if isinstance(found, list):
        return [_moved(each, offset) for each in found]
    if isinstance(found, dict):
        return {
            name: value + offset if name in ("start_ms", "end_ms") else _moved(value, offset)
            for name, value in found.items()
        }
    return found


@pytest.fixture(scope="module")
def voice_activity(models_dir):
    return VoiceActivity(Artefact.load(models_dir / "voice_activity"))


def _heard(samples, voice_activity):
    """When somebody talks on each channel, as the analysis of ``samples`` finds it."""
    regions = [speech_regions(channel, voice_activity.probabilities(channel)) for channel in samples]
    milliseconds = [
        [(round(start / 16) + PADDING_MS, round(end / 16) - PADDING_MS) for start, end in own] for own in regions
    ]
    return call(*milliseconds, duration_ms=round(samples.shape[1] / 16))


def _spans(instances):
    return [edge for each in instances for edge in (each.start_ms, each.end_ms)]


# Where three sentences of each channel of the sample call begin and end, in milliseconds, by their level.
SENTENCES = (
    ((5_250, 9_570), (15_720, 18_710), (24_540, 28_210)),
    ((810, 4_210), (10_630, 14_300), (19_790, 23_630)),
)


def test_dynamics_of_pasted_speech_are_exact(sample_call, voice_activity):
    with sample_call.open("rb") as file:
        source = decode(file, Limits(60, 2)).samples
    truth = [[], []]
    samples = np.random.default_rng(0).normal(scale=3e-4, size=(2, 45 * SAMPLE_RATE)).astype(np.float32)

    def paste(channel, sentence, start_ms):
        start, end = SENTENCES[channel][sentence]
        length_ms = end - start
        samples[channel, start_ms * 16 : (start_ms + length_ms) * 16] += source[channel, start * 16 : end * 16]
        truth[channel].append((start_ms, start_ms + length_ms))
        return start_ms + length_ms

    end = paste(1, 0, 1_500)  # the agent greets
    end = paste(0, 0, end + 700)  # the customer answers
    end = paste(1, 1, end - 1_200)  # and is interrupted
    paste(0, 1, end + 5_000)  # goes on after five seconds
    end = paste(1, 2, end + 5_000 + 1_500)  # is interrupted again
    paste(0, 2, end + 2_000)

    found = converse(_heard(samples, voice_activity), None).dynamics
    expected = converse(call(*truth, duration_ms=45_000), None).dynamics
    assert expected.interruptions.total_count == 2
    assert [each.turns for each in expected.participants] == [3, 3]
    for one, other in zip(found.participants, expected.participants, strict=True):
        assert (one.turns, one.interruptions) == (other.turns, other.interruptions)
        assert _spans([one.longest_monologue]) == pytest.approx(_spans([other.longest_monologue]), abs=100)
        assert one.talk_share == pytest.approx(other.talk_share, abs=0.01)
    for name in ("non_talk_time", "overlaps", "interruptions"):
        one, other = getattr(found, name).instances, getattr(expected, name).instances
        assert _spans(one) == pytest.approx(_spans(other), abs=100)


# A real call: the turns that can be seen in the levels of its channels, in seconds.
CUSTOMER = (
    (6.8, 42.7),
    (51.9, 56.1),
    (59.4, 64.3),
    (75.9, 83.4),
    (87.3, 89.4),
    (119.7, 139.4),
    (166.6, 200.8),
    (212.75, 215.1),
    (218.2, 220.2),
    (229.6, 232.0),
    (235.3, 238.8),
    (242.4, 243.4),
    (244.9, 245.1),
)
AGENT = (
    (0.5, 5.8),
    (44.85, 50.75),
    (56.95, 58.0),
    (65.5, 73.7),
    (90.4, 118.5),
    (140.4, 165.7),
    (201.6, 212.0),
    (215.75, 217.6),
    (220.95, 228.3),
    (232.6, 234.3),
    (239.35, 242.0),
    (243.95, 244.4),
)


@pytest.fixture(scope="module")
def auto_repairs(shared, voice_activity):
    with (shared / "data" / "calls" / "auto_repairs_stereo.wav").open("rb") as file:
        return _heard(decode(file, Limits(300, 2)).samples, voice_activity)


def test_who_has_the_floor_when_in_a_real_call(auto_repairs):
    taken = turns([side.talk for side in sides(auto_repairs, None)])
    for own, seen in zip(taken, (CUSTOMER, AGENT), strict=True):
        assert len(own) == len(seen)
        np.testing.assert_allclose([turn.span for turn in own], np.array(seen) * 1_000, atol=200)


def test_how_a_real_call_went(auto_repairs):
    found = converse(auto_repairs, None).dynamics
    assert _spans(found.non_talk_time.instances) == pytest.approx([83_400, 87_300], abs=200)
    assert (found.overlaps.total_ms, found.interruptions.total_count) == (0, 0)
    customer, agent = found.participants
    assert [customer.talk_share, agent.talk_share] == pytest.approx([0.51, 0.49], abs=0.02)
    assert [customer.response_latency_ms, agent.response_latency_ms] == pytest.approx([1_000, 800], abs=200)
    assert _spans([customer.longest_monologue]) == pytest.approx([6_800, 42_700], abs=200)
    assert _spans([agent.longest_monologue]) == pytest.approx([90_400, 118_500], abs=200)
