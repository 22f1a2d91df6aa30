"""The CPU work of the product: from bytes or text to what is answered, on models that are already loaded.

Everything here is synchronous; the service runs it in worker threads, the command line as it is.
"""

from typing import BinaryIO

from service import presentation
from service.analyses import acoustic
from service.analyses.acoustic import Role
from service.analyses.audio_files import digest
from service.audio.contained import decode
from service.audio.decode import Limits
from service.inference.passages import Plan, plan
from service.inference.registry import Registry
from service.observability.inference import observer, stage
from service.problems import InvalidRequest
from service.requests import TextRequest
from service.schemas import Acoustics
from service.settings import Settings


def acoustics(
    file: BinaryIO,
    roles: list[Role] | None,
    model: str | None,
    registry: Registry,
    settings: Settings,
    consented: bool = True,
) -> Acoustics:
    """How the people on one recording sound; where they have not ``consented`` to that, when they speak.

    Raises:
        Problem: a model is unknown or not loaded, the file is not audio within the limits, the roles do not fit its
            channels, or nobody speaks.
    """
    models = registry.acoustic(model)
    with stage("decode"):
        recording = decode(file, Limits(settings.max_audio_seconds, settings.max_channels))
    allowed = settings.agent_emotions
    result = acoustic.analyze(recording, roles, models, agent_emotions=allowed, consented=consented)
    observer().listened(recording.duration_ms / 1000)
    return presentation.acoustics(digest(file), recording, result, models)


def text_plan(request: TextRequest, settings: Settings) -> Plan:
    """What is to be read of the texts of the request.

    Raises:
        InvalidRequest: a text is empty or too long, or there are too many.
    """
    _check_texts(request, settings)
    return plan(request.batch)


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
