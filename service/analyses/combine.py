"""Words and voice side by side: what was said in each utterance, how it reads, and how it sounded meanwhile."""

from collections.abc import Sequence

import numpy as np

from service import presentation
from service.analyses.acoustic import Layout, Role, Source
from service.inference.text import SentimentModel
from service.schemas import Acoustics, ModelVersion, Prediction, Segment, SpokenWord, Utterance, Words
from service.transcription import Transcript
from service.transcription import Utterance as Spoken


def sentiments(transcript: Transcript, model: SentimentModel) -> list[Prediction | None] | None:
    """The sentiment of each utterance; None where the language is one that the model does not read."""
    if transcript.language is not None and not transcript.language.lower().startswith("en"):
        return None
    results = model.analyze([utterance.text for utterance in transcript.utterances])
    return [
        presentation.prediction(result.overall) if utterance.text.strip() else None
        for utterance, result in zip(transcript.utterances, results, strict=True)
    ]


def combine(
    transcript: Transcript, read: Sequence[Prediction | None] | None, model: ModelVersion | None, acoustics: Acoustics
) -> Words:
    """The transcript with the sentiments ``read`` from it, beside the emotions heard in the recording."""
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
            sentiment=sentiment,
            voice=_voice(spoken, acoustics.timeline),
        )
        for spoken, sentiment in zip(transcript.utterances, read or [None] * len(transcript.utterances), strict=True)
    ]
    known = [(utterance.sentiment, len(utterance.text)) for utterance in utterances if utterance.sentiment]
    return Words(
        model=transcript.model,
        language=transcript.language,
        text=transcript.text,
        sentiment=_mean([sentiment for sentiment, _ in known], [weight for _, weight in known]),
        sentiment_model=model if read is not None else None,
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
