"""Who takes part, and what is theirs."""

import pytest

from service.analyses.acoustic import Layout, Role, Source
from service.conversation.participants import sides
from tests.service.conversation.kit import call, mixed, says, sounds, words


class TestSeparateChannels:
    def test_each_is_somebody(self):
        customer, agent = sides(call([(1_000, 2_000)], [(3_000, 4_000), (5_000, 6_000)]), None)
        assert (customer.participant.channel, customer.participant.role) == (1, Role.customer)
        assert (agent.participant.channel, agent.participant.role) == (2, Role.agent)
        assert (customer.participant.speaker, agent.participant.speaker) == (None, None)
        assert customer.talk == [(1_000, 2_000)]
        assert agent.talk == [(3_000, 4_000), (5_000, 6_000)]
        assert customer.told_apart

    def test_what_voice_activity_adds_is_no_talk(self):
        heard = call([(1_000, 2_000)], [(2_050, 4_000)])
        assert heard.channels[0].speech[0].end_ms > heard.channels[1].speech[0].start_ms
        customer, agent = sides(heard, None)
        assert customer.talk[0].end < agent.talk[0].start

    def test_talk_may_begin_and_end_with_the_recording(self):
        (side,) = sides(call([(0, 2_000), (59_000, 60_000)], roles=[Role.customer]), None)
        assert side.talk == [(0, 2_000), (59_000, 60_000)]

    def test_what_is_heard_and_said_belongs_to_its_channel(self):
        mine, others = sounds(1_000, 2_000, -0.5, 1), sounds(3_000, 4_000, 0.5, 2)
        sigh = sounds(2_000, 3_000, -1, 1, Source.vocal_burst)
        said = words(says(1_000, 2_000, channel=1), says(3_000, 4_000, channel=2), says(5_000, 6_000, channel=None))
        customer, agent = sides(call([(1_000, 2_000)], [(3_000, 4_000)], timeline=[mine, others, sigh]), said)
        assert (customer.heard, agent.heard) == ([mine], [others])
        assert (customer.said, agent.said) == (said.utterances[:1], said.utterances[1:2])

    def test_on_the_only_one_everything_is(self):
        said = words(says(1_000, 2_000, channel=None))
        (side,) = sides(call([(1_000, 2_000)], roles=[Role.customer]), said)
        assert side.said == said.utterances


@pytest.mark.parametrize("layout", [Layout.mixed, Layout.dual_mono])
class TestSharedChannel:
    def test_each_label_is_somebody(self, layout):
        said = words(
            says(900, 3_000, channel=None, speaker="B"),
            says(3_000, 5_200, channel=None, speaker="A", role=Role.customer),
            says(8_000, 9_000, channel=None, speaker="B"),
        )
        windows = [sounds(1_000, 3_100, -0.5), sounds(3_100, 5_000, 0.5), sounds(20_000, 22_000, 0)]
        heard = mixed([(1_000, 5_000), (8_100, 8_900), (20_000, 22_000)], timeline=windows, layout=layout)
        second, first = sides(heard, said)
        assert (second.participant.speaker, first.participant.speaker) == ("B", "A")
        assert (second.participant.channel, second.participant.role) == (None, Role.unknown)
        assert first.participant.role is Role.customer
        assert second.talk == [(1_000, 3_000), (8_100, 8_900)]
        assert first.talk == [(3_000, 5_000)]
        assert (second.heard, first.heard) == (windows[:1], windows[1:2])
        assert (second.said, first.said) == ([said.utterances[0], said.utterances[2]], [said.utterances[1]])
        assert first.told_apart

    @pytest.mark.parametrize(
        "said",
        [
            None,
            words(says(1_000, 2_000, channel=None)),
            words(says(30_000, 31_000, channel=None, speaker="A")),  # where nobody talks
        ],
    )
    def test_without_labels_it_is_whoever_talks(self, layout, said):
        window = sounds(1_000, 2_000, 0)
        (side,) = sides(mixed([(1_000, 2_000)], timeline=[window], layout=layout), said)
        assert (side.participant.channel, side.participant.speaker) == (None, None)
        assert not side.told_apart
        assert (side.talk, side.heard) == ([(1_000, 2_000)], [window])
        assert side.said == (said.utterances if said else [])


def test_what_was_stored_without_stretches_has_nobody_talking():
    heard = call([(1_000, 2_000)], [])
    stored = heard.model_dump(exclude={"channels": {"__all__": {"speech", "loudness_dbfs"}}})
    (side, _) = sides(type(heard).model_validate(stored), None)
    assert side.talk == []
