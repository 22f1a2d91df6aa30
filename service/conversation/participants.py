"""Who takes part in a call, and what is theirs in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.analyses.acoustic import Layout
from service.audio.decode import SAMPLE_RATE
from service.audio.vad import PADDING
from service.conversation.attribution import attribute, heard, speaking
from service.conversation.spans import Interval, intersection, union
from service.schemas import Acoustics, Channel, Segment, Utterance, Words
from service.schemas.conversation import Participant

_PADDING_MS: Final = PADDING * 1_000 // SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Side:
    """One participant of a call.

    Attributes:
        participant: who it is.
        talk: when it speaks, in milliseconds: sorted, disjoint, half a second or more apart on a channel of its own.
        heard: the segments that hold its voice and that the model does not abstain from, sorted by start.
        said: its utterances, sorted by start.
    """

    participant: Participant
    talk: Sequence[Interval]
    heard: Sequence[Segment]
    said: Sequence[Utterance]

    @property
    def told_apart(self) -> bool:
        """Whether it is one person, and not whoever is on a channel that several share."""
        return self.participant.channel is not None or self.participant.speaker is not None


def sides(acoustics: Acoustics, words: Words | None) -> list[Side]:
    """Who takes part: on separate channels one a channel, on one that is shared one for each of the provider's speaker
    labels, in the order of their first words, or one for all of them where the transcript has no labels.

    What voice activity finds in a shared channel outside of all utterances is nobody's talk.
    """
    timeline = heard(acoustics.timeline)
    said = words.utterances if words else []
    if acoustics.audio.layout is Layout.separate:
        return [_on_own_channel(channel, acoustics, timeline, said) for channel in acoustics.channels]
    channel = acoustics.channels[0]
    talk = _talk(channel, acoustics.audio.duration_ms)
    speakers = speaking(said)
    voices = attribute(timeline, speakers)
    found = []
    for speaker, spoken in speakers.items():
        own = [utterance for utterance in said if utterance.speaker == speaker]
        participant = Participant(channel=None, role=own[0].role, speaker=speaker)
        found.append(Side(participant, intersection(talk, spoken), voices[speaker], own))
    if any(side.talk for side in found):
        return found
    return [Side(Participant(channel=None, role=channel.role, speaker=None), talk, timeline, said)]


def _on_own_channel(
    channel: Channel, acoustics: Acoustics, timeline: Sequence[Segment], said: Sequence[Utterance]
) -> Side:
    # A recogniser that is told of no channels leaves the only one out.
    mine = (channel.channel, None) if len(acoustics.channels) == 1 else (channel.channel,)
    return Side(
        participant=Participant(channel=channel.channel, role=channel.role, speaker=None),
        talk=_talk(channel, acoustics.audio.duration_ms),
        heard=[segment for segment in timeline if segment.channel == channel.channel],
        said=[utterance for utterance in said if utterance.channel in mine],
    )


def _talk(channel: Channel, duration_ms: int) -> list[Interval]:
    """The channel's speech without what is put around it so that a model hears all of it; two people who follow each
    other closely would seem to speak at once. The recording's own ends were not passed."""
    return union(
        Interval(
            span.start_ms + _PADDING_MS if span.start_ms > 0 else 0,
            span.end_ms - _PADDING_MS if span.end_ms < duration_ms else duration_ms,
        )
        for span in channel.speech or []
    )
