"""Words and voice side by side: what was said in each utterance, how it reads, and how it sounded meanwhile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, model_validator

from service import presentation
from service.analyses.acoustic import Layout, Role, Source
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
    utterances = [
        Utterance(
            start_ms=spoken.start_ms,
            end_ms=spoken.end_ms,
            channel=spoken.channel,
            role=_role(spoken, acoustics),
            speaker=spoken.speaker,
            text=spoken.text,
            confidence=spoken.confidence,
            words=[
                SpokenWord(start_ms=word.start_ms, end_ms=word.end_ms, text=word.text, confidence=word.confidence)
                for word in spoken.words
            ],
            sentiment=meaning.sentiment if meaning else None,
            emotion=meaning.emotion if meaning else None,
            voice=_voice(spoken, acoustics.timeline),
        )
        for spoken, meaning in zip(transcript.utterances, meanings, strict=True)
    ]
    known = [(utterance.sentiment, len(utterance.text)) for utterance in utterances if utterance.sentiment]
    return Words(
        model=transcript.model,
        language=transcript.language,
        text=transcript.text,
        sentiment=_mean([sentiment for sentiment, _ in known], [weight for _, weight in known]),
        text_models=read.models if read else [],
        utterances=utterances,
    )


def _role(spoken: Spoken, acoustics: Acoustics) -> Role:
    """The role of the utterance's channel; of the only one where the voices are mixed."""
    channels = {channel.channel: channel.role for channel in acoustics.channels}
    if spoken.channel is None or acoustics.audio.layout is not Layout.separate:
        return channels[1] if len(channels) == 1 else Role.unknown
    return channels.get(spoken.channel, Role.unknown)


def _voice(spoken: Spoken, timeline: Sequence[Segment]) -> Prediction | None:
    heard = [
        (segment, min(segment.end_ms, spoken.end_ms) - max(segment.start_ms, spoken.start_ms))
        for segment in timeline
        if segment.source is Source.speech and spoken.channel in (None, segment.channel)
    ]
    meanwhile = [(segment, overlap) for segment, overlap in heard if overlap > 0]
    return _mean([segment for segment, _ in meanwhile], [overlap for _, overlap in meanwhile])


def _mean(predictions: Sequence[Prediction], weights: Sequence[float]) -> Prediction | None:
    """The mean distribution; None of nothing."""
    if not predictions:
        return None
    labels = list(predictions[0].scores)
    means = np.average([[p.scores[label] for label in labels] for p in predictions], axis=0, weights=weights)
    scores = presentation.round_scores(dict(zip(labels, means.tolist(), strict=True)))
    label = max(scores, key=scores.__getitem__)
    return Prediction(label=label, confidence=scores[label], scores=scores)
