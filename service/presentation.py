"""Results of the domain as they go over the wire."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from pydantic import TypeAdapter

from service import schemas
from service.analyses.acoustic import AcousticResult, Source
from service.analyses.rows import Analysis, Callback, Delivery, Receipt
from service.analyses.states import Event, Step
from service.audio.decode import Recording
from service.audio.quality import Quality
from service.conversation import converse
from service.emotions import PROXIES
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.passages import Reading, TextModels, TextResult
from service.requests import TextRequest
from service.rules import Rule, Rules, evaluate
from service.rules.measures import measures
from service.scores import round_scores

_RULES: Final = TypeAdapter(Rules)


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


def prediction(predicted: _Predicted) -> schemas.Prediction:
    scores = round_scores(predicted.scores)
    return schemas.Prediction(label=predicted.label, confidence=scores[predicted.label], scores=scores)


def model_version(model: _Versioned) -> schemas.ModelVersion:
    return schemas.ModelVersion(name=model.name, version=model.version, sha256=model.sha256)


def text_models(models: TextModels) -> list[schemas.TextModelVersion]:
    return [schemas.TextModelVersion(**dict(model_version(model)), heads=list(model.heads)) for model in models.models]


def text_reading(reading: Reading) -> schemas.TextReading:
    emotion = schemas.TextEmotion(**dict(prediction(reading.emotion)), fine_label=reading.emotion.fine_label)
    return schemas.TextReading(sentiment=prediction(reading.sentiment), emotion=emotion, windows=reading.windows)


def acoustics(sha256: str, recording: Recording, result: AcousticResult, models: AcousticModels) -> schemas.Acoustics:
    """How a recording whose bytes have that ``sha256`` sounds."""
    damaged = ["Part of the file could not be decoded and is missing."] if recording.damaged else []
    return schemas.Acoustics(
        audio=schemas.AudioFacts(
            container=recording.container,
            codec=recording.codec,
            sample_rate=recording.sample_rate,
            channels=recording.samples.shape[0],
            duration_ms=recording.duration_ms,
            layout=result.layout,
            sha256=sha256,
        ),
        channels=[
            schemas.Channel(
                channel=channel.channel,
                role=channel.role,
                status=channel.status,
                reason=channel.reason,
                speech_ms=channel.speech_ms,
                speech=[schemas.Span(start_ms=start, end_ms=end) for start, end in channel.speech],
                loudness_dbfs=[None if level is None else round(level, 1) for level in channel.loudness_dbfs],
                quality=_quality(channel.quality) if channel.quality else None,
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
                abstained=segment.abstained,
                prediction_set=segment.prediction_set,
                **dict(prediction(segment)),
            )
            for segment in result.timeline
        ],
        models=[
            _emotion_model(models.speech_emotion, Source.speech),
            _emotion_model(models.vocal_burst, Source.vocal_burst),
        ],
        notes=[*result.notes, *damaged],
    )


def _quality(quality: Quality) -> schemas.Quality:
    return schemas.Quality(
        level_dbfs=round(quality.level_dbfs, 1),
        peak_dbfs=round(quality.peak_dbfs, 1),
        clipped=round(quality.clipped, 4),
        snr_db=None if quality.snr_db is None else round(quality.snr_db, 1),
        bandwidth_hz=quality.bandwidth_hz,
    )


def _emotion_model(model: EmotionModel, source: Source) -> schemas.EmotionModelVersion:
    proxies = {label: category for label, category in PROXIES.items() if label in model.labels}
    return schemas.EmotionModelVersion(
        **dict(model_version(model)),
        source=source,
        proxy_for=proxies,
        front_end_sha256=model.front_end_sha256,
        coverage=model.conformal.coverage if model.conformal else None,
    )


def text_analysis(request: TextRequest, results: Sequence[TextResult], models: TextModels) -> schemas.TextAnalysis:
    return schemas.TextAnalysis(
        external_id=request.external_id,
        metadata=request.metadata,
        models=text_models(models),
        results=[
            schemas.TextResult(
                **dict(text_reading(result.whole)),
                sentences=[
                    schemas.Sentence(
                        start=span.start,
                        end=span.end,
                        text=text[span.start : span.end],
                        **dict(text_reading(reading)),
                    )
                    for span, reading in result.sentences
                ],
            )
            for text, result in zip(request.batch, results, strict=True)
        ],
    )


def analysis(row: Analysis, results: Mapping[Step, str], rules: Sequence[Rule]) -> schemas.Analysis:
    """The analysis with what its steps found so far, as JSON in ``results``, tagged by ``rules`` and those that were
    asked for."""
    heard = schemas.Acoustics.model_validate_json(results[Step.acoustics]) if Step.acoustics in results else None
    said = schemas.Words.model_validate_json(results[Step.combine]) if Step.combine in results else None
    conversation = converse(heard, said) if heard else None
    own = _RULES.validate_python(row.options.get("rules") or ())
    parts = dict(heard) if heard else dict.fromkeys(schemas.Acoustics.model_fields)
    return schemas.Analysis(
        **dict(summary(row)),
        consent=row.options.get("consent"),
        **parts,
        transcript=schemas.Transcript(status=row.words, reason=row.words_reason, provider=row.provider, words=said),
        conversation=conversation,
        tags=evaluate((*rules, *own), measures(heard, said, conversation)) if heard else None,
        problem=schemas.ProblemDocument.model_validate(row.problem) if row.problem else None,
    )


def summary(row: Analysis) -> schemas.Summary:
    return schemas.Summary(
        id=row.id,
        status=row.status,
        created_at=_time(row.created),
        completed_at=None if row.ended is None else _time(row.ended),
        external_id=row.external_id,
        metadata=row.options["metadata"],
    )


def progress(row: Analysis) -> schemas.Progress:
    return schemas.Progress(**dict(summary(row)), step=row.step, transcript=row.words)


def message(row: Analysis, event: Event, now: int) -> schemas.CallbackMessage:
    """What the caller is told when ``event`` happens, in the shape that Standard Webhooks recommends."""
    data = schemas.CallbackData(
        **dict(summary(row)),
        transcript=row.words,
        reason=row.words_reason,
        problem=schemas.ProblemDocument.model_validate(row.problem) if row.problem else None,
        url=f"/analyses/{row.id}",
    )
    return schemas.CallbackMessage(type=event, timestamp=_time(now), data=data)


def callbacks(sent: Sequence[tuple[Callback, Sequence[Delivery]]]) -> schemas.CallbackList:
    return schemas.CallbackList(
        callbacks=[
            schemas.CallbackState(
                id=callback.id,
                type=callback.event,
                created_at=_time(callback.created),
                status=callback.status,
                next_attempt_at=None if callback.run_after is None else _time(callback.run_after),
                attempts=[
                    schemas.DeliveryAttempt(
                        at=_time(delivery.at),
                        status=delivery.http_status,
                        error=delivery.error,
                        duration_ms=delivery.duration_ms,
                    )
                    for delivery in deliveries
                ],
            )
            for callback, deliveries in sent
        ]
    )


def receipt(row: Receipt) -> schemas.ErasureReceipt:
    return schemas.ErasureReceipt(
        id=row.analysis_id,
        erased_at=_time(row.erased),
        reason=row.reason,
        provider=row.provider,
        provider_erased_at=None if row.provider_erased is None else _time(row.provider_erased),
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
