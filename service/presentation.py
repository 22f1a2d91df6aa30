"""Results of the domain as they go over the wire."""

import math
from collections.abc import Mapping
from typing import Final, Protocol

from service import schemas
from service.analyses.acoustic import AcousticResult, Source
from service.audio.decode import Recording
from service.emotions import PROXIES
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.text import SentimentModel, TextResult
from service.requests import AudioOptions, TextRequest, Transcription

_STEPS: Final = 10_000


class _Predicted(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def scores(self) -> Mapping[str, float]: ...


class _Versioned(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def sha256(self) -> str: ...


def round_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """``scores`` as shares of their sum in steps of 0.0001, by largest remainder, so that they sum to 1."""
    total = sum(scores.values())
    exact = {label: score / total * _STEPS for label, score in scores.items()}
    steps = {label: math.floor(count) for label, count in exact.items()}
    missing = _STEPS - sum(steps.values())
    for label in sorted(exact, key=lambda label: steps[label] - exact[label])[:missing]:
        steps[label] += 1
    return {label: count / _STEPS for label, count in steps.items()}


def prediction(predicted: _Predicted) -> schemas.Prediction:
    scores = round_scores(predicted.scores)
    return schemas.Prediction(label=predicted.label, confidence=scores[predicted.label], scores=scores)


def model_version(model: _Versioned) -> schemas.ModelVersion:
    return schemas.ModelVersion(name=model.name, version=model.version, sha256=model.sha256)


def audio_analysis(
    options: AudioOptions, recording: Recording, result: AcousticResult, models: AcousticModels
) -> schemas.AudioAnalysis:
    damaged = ["Part of the file could not be decoded and is missing."] if recording.damaged else []
    return schemas.AudioAnalysis(
        external_id=options.external_id,
        metadata=options.metadata,
        audio=schemas.AudioFacts(
            container=recording.container,
            codec=recording.codec,
            sample_rate=recording.sample_rate,
            channels=recording.samples.shape[0],
            duration_ms=recording.duration_ms,
            layout=result.layout,
        ),
        channels=[
            schemas.Channel(
                channel=channel.channel,
                role=channel.role,
                status=channel.status,
                reason=channel.reason,
                speech_ms=channel.speech_ms,
                overall=prediction(channel.overall) if channel.overall else None,
            )
            for channel in result.channels
        ],
        timeline=[
            schemas.Segment(
                start_ms=segment.start_ms,
                end_ms=segment.end_ms,
                channel=segment.channel,
                role=segment.role,
                source=segment.source,
                **dict(prediction(segment)),
            )
            for segment in result.timeline
        ],
        models=[
            _emotion_model(models.speech_emotion, Source.speech),
            _emotion_model(models.vocal_burst, Source.vocal_burst),
        ],
        transcription=schemas.TranscriptionState(status="none", reason=_NOT_TRANSCRIBED[options.transcription]),
        notes=[*result.notes, *damaged],
    )


_NOT_TRANSCRIBED: Final = {
    Transcription.auto: "No transcription provider is configured.",
    Transcription.none: "Not asked for.",
}


def _emotion_model(model: EmotionModel, source: Source) -> schemas.EmotionModelVersion:
    proxies = {label: category for label, category in PROXIES.items() if label in model.labels}
    return schemas.EmotionModelVersion(**dict(model_version(model)), source=source, proxy_for=proxies)


def text_analysis(request: TextRequest, results: list[TextResult], model: SentimentModel) -> schemas.TextAnalysis:
    return schemas.TextAnalysis(
        external_id=request.external_id,
        metadata=request.metadata,
        model=model_version(model),
        results=[
            schemas.TextResult(
                sentiment=prediction(result.overall),
                truncated=result.overall.truncated,
                sentences=[
                    schemas.Sentence(
                        start=sentence.start,
                        end=sentence.end,
                        text=text[sentence.start : sentence.end],
                        sentiment=prediction(sentence),
                        truncated=sentence.truncated,
                    )
                    for sentence in result.sentences
                ],
            )
            for text, result in zip(request.batch, results, strict=True)
        ],
    )
