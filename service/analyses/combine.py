"""Words and voice side by side: what was said in each utterance, how it reads, and how it sounded meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, model_validator

from service import presentation
from service.analyses.acoustic import Layout, Role
from service.conversation.agreement import compare
from service.conversation.attribution import attribute, heard, speaking
from service.conversation.means import sentiment_of, voice_in
from service.conversation.spans import Interval
from service.inference.passages import TextModels
from service.schemas import (
    Acoustics,
    Prediction,
    Segment,
    SpokenWord,
    TextEmotion,
    TextModelVersion,
    Utterance,
    Words,
)
from service.transcription import Transcript
from service.transcription import Utterance as Spoken


class Meaning(BaseModel):
    """What the words of an utterance say. At first the sentiment alone was stored."""

    sentiment: Prediction
    emotion: TextEmotion | None = None

    @model_validator(mode="before")
    @classmethod
    def _before_emotions(cls, data: Any) -> Any:
        return {"sentiment": data} if isinstance(data, dict) and "sentiment" not in data else data


class Read(BaseModel):
    """What was read in a transcript: of each utterance, nothing where it has no words. At first a list was stored."""

    models: list[TextModelVersion]
    utterances: list[Meaning | None]

    @model_validator(mode="before")
    @classmethod
    def _before_emotions(cls, data: Any) -> Any:
        return {"models": [], "utterances": data} if isinstance(data, list) else data


def read(transcript: Transcript, models: TextModels) -> Read | None:
    """What the utterances say; None where their language is one that the models do not read."""
    if transcript.language is not None and not transcript.language.lower().startswith("en"):
        return None
    texts = [utterance.text.strip() for utterance in transcript.utterances]
    readings = [presentation.text_reading(reading) for reading in models.read(texts)]
    return Read(
        models=presentation.text_models(models),
        utterances=[
            Meaning(sentiment=reading.sentiment, emotion=reading.emotion) if text else None
            for text, reading in zip(texts, readings, strict=True)
        ],
    )


def combine(transcript: Transcript, read: Read | None, acoustics: Acoustics) -> Words:
    """The transcript with what was ``read`` in it, beside the emotions heard in the recording."""
    meanings = read.utterances if read else [None] * len(transcript.utterances)
    timeline = heard(acoustics.timeline)
    voices = attribute(timeline, speaking(transcript.utterances))
    utterances = [
        _utterance(spoken, meaning, _voice(spoken, timeline, voices), _role(spoken, acoustics))
        for spoken, meaning in zip(transcript.utterances, meanings, strict=True)
    ]
    return Words(
        model=transcript.model,
        language=transcript.language,
        text=transcript.text,
        sentiment=sentiment_of(utterances),
        text_models=read.models if read else [],
        utterances=utterances,
    )


def _utterance(spoken: Spoken, meaning: Meaning | None, voice: Prediction | None, role: Role) -> Utterance:
    sentiment = meaning.sentiment if meaning else None
    return Utterance(
        start_ms=spoken.start_ms,
        end_ms=spoken.end_ms,
        channel=spoken.channel,
        role=role,
        speaker=spoken.speaker,
        text=spoken.text,
        confidence=spoken.confidence,
        words=[
            SpokenWord(start_ms=word.start_ms, end_ms=word.end_ms, text=word.text, confidence=word.confidence)
            for word in spoken.words
        ],
        sentiment=sentiment,
        emotion=meaning.emotion if meaning else None,
        voice=voice,
        comparison=compare(sentiment, voice),
    )


def _role(spoken: Spoken, acoustics: Acoustics) -> Role:
    """The role of the utterance's channel; of the only one where the voices are mixed."""
    channels = {channel.channel: channel.role for channel in acoustics.channels}
    if spoken.channel is None or acoustics.audio.layout is not Layout.separate:
        return channels[1] if len(channels) == 1 else Role.unknown
    return channels.get(spoken.channel, Role.unknown)


def _voice(spoken: Spoken, timeline: Sequence[Segment], voices: Mapping[str, Sequence[Segment]]) -> Prediction | None:
    """What was heard meanwhile on the utterance's channel, of its speaker where that is known."""
    if spoken.channel is not None:
        own: Sequence[Segment] = [segment for segment in timeline if segment.channel == spoken.channel]
    else:
        own = timeline if spoken.speaker is None else voices[spoken.speaker]
    return voice_in(Interval(spoken.start_ms, spoken.end_ms), own)
