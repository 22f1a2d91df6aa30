"""An analysis in plain sentences, for the fields of a CRM that people read."""

from service.analyses.acoustic import ChannelStatus, Role
from service.schemas import Analysis, Channel, Prediction, Utterance
from service.schemas.conversation import Conversation, Moment, MomentKind, Participant, Tag

_MOMENTS = {
    MomentKind.negative_voice: "the voice is unpleasant",
    MomentKind.negative_words: "the words are unpleasant",
    MomentKind.disagreement: "voice and words disagree",
}


def title(analysis: Analysis) -> str:
    return f"Call {analysis.external_id or analysis.id}"


def findings(analysis: Analysis) -> list[str]:
    """A sentence a line: how everybody sounded, what the words say, how the call went, its moments and its tags."""
    words = analysis.transcript.words
    lines = [_sounded(channel) for channel in analysis.channels or []]
    if words and words.sentiment:
        lines.append(f"Words: {_shares(words.sentiment)}.")
    if analysis.conversation:
        lines += _went(analysis.conversation)
    lines += [_tagged(tag) for tag in analysis.tags or []]
    models = [f"{model.name} {model.version}" for model in analysis.models or []]
    lines.append(f"Voice to Value, analysis {analysis.id}, models {', '.join(models)}.")
    return lines


def transcript(analysis: Analysis) -> list[str]:
    """An utterance a line; nothing where there are no words."""
    words = analysis.transcript.words
    return [f"{_clock(said.start_ms)} {_name(said)}: {said.text}" for said in words.utterances] if words else []


def _sounded(channel: Channel) -> str:
    who = _name(channel)
    if channel.overall:
        return f"{who}, voice: {_shares(channel.overall)}."
    if channel.status is ChannelStatus.withheld:
        return f"{who}, voice: withheld."
    return f"{who}, voice: too little speech."


def _went(conversation: Conversation) -> list[str]:
    dynamics = conversation.dynamics
    lines = [
        f"{_name(side)} has {_percent(side.talk_share)} of the talk and interrupts {_times(side.interruptions)}."
        for side in dynamics.participants
        if side.interruptions is not None
    ]
    lines.append(f"Silence of three seconds and more: {_clock(dynamics.non_talk_time.total_ms)}.")
    return lines + [_stands_out(moment, conversation.participants) for moment in conversation.moments]


def _stands_out(moment: Moment, participants: list[Participant]) -> str:
    who = _name(participants[moment.participant])
    quoted = f": “{moment.text}”" if moment.text else "."
    return f"{_clock(moment.start_ms)} {who}, {_MOMENTS[moment.kind]} ({moment.value:.2f}){quoted}"


def _tagged(tag: Tag) -> str:
    evidence = ", ".join(f"{item.measure} = {item.value:g}" for item in tag.evidence)
    return f"Tag {tag.tag}: {tag.rule} ({evidence})." if evidence else f"Tag {tag.tag}: {tag.rule}."


def _name(who: Participant | Channel | Utterance) -> str:
    if who.role is not Role.unknown:
        return who.role.capitalize()
    speaker = None if isinstance(who, Channel) else who.speaker
    if speaker is not None:
        return f"Speaker {speaker}"
    return "Somebody" if who.channel is None else f"Channel {who.channel}"


def _shares(prediction: Prediction) -> str:
    """The two likeliest labels."""
    likeliest = sorted(prediction.scores, key=prediction.scores.__getitem__, reverse=True)[:2]
    return ", ".join(f"{label} {_percent(prediction.scores[label])}" for label in likeliest)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _clock(milliseconds: int) -> str:
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02}"
