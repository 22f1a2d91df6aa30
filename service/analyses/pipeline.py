"""The use cases: what a caller asks for, from bytes or text to the answer.

Everything here is synchronous CPU work on models that are already loaded; the HTTP side runs it in a worker
thread, the command line runs it as it is.
"""

from typing import BinaryIO

from service import presentation
from service.analyses import acoustic
from service.audio.decode import Limits, decode
from service.inference.registry import Registry
from service.problems import InvalidRequest
from service.requests import AudioOptions, TextRequest, Transcription
from service.schemas import AudioAnalysis, TextAnalysis
from service.settings import Settings


def analyze_audio(file: BinaryIO, options: AudioOptions, registry: Registry, settings: Settings) -> AudioAnalysis:
    """The acoustic analysis of one recording.

    Raises:
        Problem: a provider is asked for that is not configured, a model is unknown or not loaded, the file is
            not audio within the limits, the roles do not fit its channels, or nobody speaks.
    """
    if options.transcription in (Transcription.assemblyai, Transcription.local):
        detail = f"{options.transcription} is not configured here; send auto or none"
        raise InvalidRequest(f"{detail}.", errors=[{"field": "transcription", "detail": detail}])
    models = registry.acoustic(options.model)
    recording = decode(file, Limits(settings.max_audio_seconds, settings.max_channels))
    result = acoustic.analyze(recording, options.channel_roles, models, agent_emotions=settings.agent_emotions)
    return presentation.audio_analysis(options, recording, result, models)


def analyze_text(request: TextRequest, registry: Registry, settings: Settings) -> TextAnalysis:
    """The sentiment of each text of the request.

    Raises:
        Problem: a text is empty or too long, there are too many, or the model is not loaded.
    """
    _check_texts(request, settings)
    model = registry.sentiment()
    return presentation.text_analysis(request, model.analyze(request.batch), model)


def _check_texts(request: TextRequest, settings: Settings) -> None:
    texts = request.batch
    if len(texts) > settings.max_texts:
        detail = f"{len(texts)} texts; send at most {settings.max_texts} in one request"
        raise InvalidRequest(f"{detail}.", errors=[{"field": "texts", "detail": detail}])
    errors = []
    for index, text in enumerate(texts):
        if not text.strip():
            detail = "the text is empty"
        elif len(text) > settings.max_text_chars:
            detail = f"{len(text)} characters; send at most {settings.max_text_chars}, or split the text"
        else:
            continue
        errors.append({"field": "text" if request.texts is None else f"texts.{index}", "detail": detail})
    if errors:
        raise InvalidRequest(f"{errors[0]['field']}: {errors[0]['detail']}.", errors=errors)
