"""POST /analyze-audio."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response, UploadFile
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_core import from_json
from starlette.datastructures import FormData

from service.analyses import pipeline
from service.api import problems
from service.api.deps import ServiceDep
from service.problems import (
    EmptyFile,
    InvalidRequest,
    NoFile,
    NoSpeech,
    NotAudio,
    NotReady,
    TooLarge,
    TooLong,
    TooManyChannels,
    UnknownField,
    UnknownModel,
    WrongRoleCount,
)
from service.requests import AudioOptions
from service.schemas import AudioAnalysis

router = APIRouter(tags=["Analyses"])

_HOW: Final = "send multipart/form-data with the recording in the field file, as curl -F file=@call.wav does."


class _Upload(BaseModel):
    file: UploadFile = Field(description="The recording: WAV, MP3, FLAC, Ogg, Opus, M4A, AAC, WebM or AMR.")


class AudioForm(AudioOptions, _Upload):
    """The form of an audio request."""

    @field_validator("metadata", mode="before")
    @classmethod
    def _parse_json(cls, text: Any) -> Any:
        try:
            return from_json(text)
        except (TypeError, ValueError):
            raise ValueError('this is not JSON; send an object such as {"queue": "billing"}') from None

    @field_validator("channel_roles", mode="before")
    @classmethod
    def _split(cls, values: list[Any]) -> list[Any]:
        return [role.strip() for value in values for role in str(value).split(",")]


def parse_form(form: FormData) -> AudioForm:
    """Raises: NoFile, UnknownField, InvalidRequest."""
    fields: dict[str, Any] = {name: form.getlist(name) for name in form}
    repeated = [name for name, values in fields.items() if len(values) > 1 and name != "channel_roles"]
    if repeated:
        detail = "give this field once"
        raise InvalidRequest(f"{repeated[0]}: {detail}.", errors=[{"field": n, "detail": detail} for n in repeated])
    try:
        return AudioForm.model_validate(
            {name: values if name == "channel_roles" else values[0] for name, values in fields.items()}
        )
    except ValidationError as error:
        errors = error.errors()
    if any(item["loc"] == ("file",) for item in errors):
        raise NoFile(f"The field file holds no file; {_HOW}")
    raise problems.from_validation(errors)


async def _form(request: Request) -> AsyncIterator[AudioForm]:
    """The form of the request, whose file is closed after the answer."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("", "multipart/form-data", "application/x-www-form-urlencoded"):
        raise problems.UnsupportedMediaType(f"The body is {media_type}; {_HOW}")
    async with request.form(max_files=4, max_fields=32) as form:
        yield parse_form(form)


_FORM_SCHEMA: Final = AudioForm.model_json_schema(ref_template="#/components/schemas/{model}")
del _FORM_SCHEMA["$defs"]  # the responses define the same ones


@router.post(
    "/analyze-audio",
    summary="Analyse a call",
    response_model=AudioAnalysis,
    responses=problems.responses(
        problems.BadRequest,
        EmptyFile,
        UnknownModel,
        TooLarge,
        TooLong,
        TooManyChannels,
        NotAudio,
        problems.UnsupportedMediaType,
        InvalidRequest,
        UnknownField,
        NoFile,
        WrongRoleCount,
        NoSpeech,
        NotReady,
    ),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM_SCHEMA}}}},
)
async def analyze_audio(form: Annotated[AudioForm, Depends(_form)], service: ServiceDep) -> Response:
    """How the people on a recording sound: each channel as a whole, and a timeline of segments.

    A channel whose role is `agent` is `withheld` unless the deployer decides otherwise.
    """
    return await service.answer(pipeline.analyze_audio, form.file.file, form, service.registry, service.settings)
