"""POST /analyze-audio."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, BinaryIO, Final, cast

from fastapi import APIRouter, Depends, Request, Response, UploadFile
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import from_json
from starlette.datastructures import FormData

from service.analyses.tasks import Kind
from service.api import links, problems
from service.api.answers import ended, heard, present, waited
from service.api.deps import CallerDep, ServiceDep
from service.api.headers import MalformedIdempotencyKey, Preferences, preferences
from service.api.headers import idempotency_key as parse_key
from service.observability import logs
from service.problems import (
    Busy,
    EmptyFile,
    InvalidRequest,
    NoFile,
    NoSpeech,
    NotAudio,
    NotReady,
    RefusedUrl,
    ReusedKey,
    StillRunning,
    TooLarge,
    TooLong,
    TooManyChannels,
    TooSlow,
    Unfetchable,
    UnknownField,
    UnknownModel,
    WrongRoleCount,
)
from service.requests import AudioLink, AudioOptions
from service.schemas import Analysis

router = APIRouter(tags=["Analyses"])

_MARGIN_S: Final = 5
_COME_AGAIN_S: Final = 10
_SUCH: Final = {
    "consent": 'an object such as {"emotion_analysis": false}',
    "metadata": 'an object such as {"queue": "billing"}',
    "rules": 'a list such as [{"tag": "long", "when": "call.duration_seconds > 600"}]',
}
_FORMATS: Final = ("wav", "mpeg", "flac", "ogg", "mp4", "aac", "webm", "amr")
_MEDIA_TYPES: Final = ", ".join([*(f"audio/{name}" for name in _FORMATS), "application/octet-stream"])
_HOW: Final = "send multipart/form-data with the recording in the field file, as curl -F file=@call.wav does."


@dataclass(frozen=True, slots=True)
class Submission:
    """A recording's file, or its address, and what to do with it."""

    options: AudioOptions
    source: BinaryIO | str


class _Upload(BaseModel):
    file: UploadFile = Field(description="The recording: WAV, MP3, FLAC, Ogg, Opus, M4A, AAC, WebM or AMR.")


class AudioForm(AudioOptions, _Upload):
    """The form of an audio request."""

    @field_validator("consent", "metadata", "rules", mode="before")
    @classmethod
    def _parse_json(cls, text: Any, info: ValidationInfo) -> Any:
        try:
            return from_json(text)
        except (TypeError, ValueError):
            raise ValueError(f"this is not JSON; send {_SUCH[info.field_name or '']}") from None

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


async def _room(service: ServiceDep) -> None:
    """Raises: Busy: too many recordings wait already. This one is not even received."""
    room = service.settings.audio_queue
    if await service.store.queued(room) >= room:
        raise Busy(
            f"{room} recordings wait to be heard; send this one again in {_COME_AGAIN_S} seconds.", _COME_AGAIN_S
        )


async def _submission(request: Request, service: ServiceDep) -> AsyncIterator[Submission]:
    """What the request hands over; its file is closed after the answer."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        link = await _link(request, service.settings.max_json_bytes)
        yield Submission(link, link.audio_url)
        return
    if media_type not in ("", "multipart/form-data", "application/x-www-form-urlencoded"):
        raise problems.UnsupportedMediaType(f"The body is {media_type}; {_HOW}")
    async with request.form(max_files=4, max_fields=32) as uploaded:
        form = parse_form(uploaded)
        if not form.file.size:
            raise EmptyFile("The file has no bytes; check the path and send it again.")
        yield Submission(form, form.file.file)


async def _link(request: Request, max_bytes: int) -> AudioLink:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"The JSON has more than {max_bytes} bytes; send less.")
    try:
        return AudioLink.model_validate_json(bytes(body))
    except ValidationError as error:
        errors = error.errors()
    if errors[0]["type"] == "json_invalid":
        raise problems.BadRequest(f"The body is not JSON: {errors[0]['ctx']['error']}.")
    if errors[0]["type"] == "model_type":
        raise InvalidRequest('Send a JSON object such as {"audio_url": "https://crm.example.com/call.wav"}.')
    raise problems.from_validation(errors)


async def _preferences(request: Request) -> Preferences:
    return preferences(request.headers.getlist("prefer"))


async def _key(request: Request) -> str | None:
    values = request.headers.getlist("idempotency-key")
    # Two headers are a list, and so malformed.
    return parse_key(", ".join(values) if values else None)


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}, "example": example}


def _schema(model: type[BaseModel], *, form: bool = False) -> dict[str, Any]:
    """The schema of ``model`` with what it refers to in its place: no component of the document is sure to be there.

    A ``form`` has no null: a field is there or not.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(node: Any) -> Any:
        match node:
            case {"$ref": str(reference), **others}:
                return inlined(definitions[reference.rpartition("/")[2]]) | others
            case {"anyOf": [schema, {"type": "null"}], **others} if form:
                return inlined(schema) | others
            case dict():
                return {name: inlined(member) for name, member in node.items()}
            case list():
                return [inlined(item) for item in node]
        return node

    return cast(dict[str, Any], inlined(schema))


@router.post(
    "/analyze-audio",
    summary="Analyse a call",
    response_model=Analysis,
    dependencies=[Depends(_room)],
    responses={
        200: {"links": links.of_analysis()},
        202: {
            "description": "Stored; something is still to come.",
            "model": Analysis,
            "headers": {
                "Location": {"description": "The analysis.", "schema": {"type": "string"}},
                **problems.RETRY_AFTER,
            },
            "links": links.of_analysis(),
        },
        **problems.responses(
            problems.BadRequest,
            MalformedIdempotencyKey,
            EmptyFile,
            UnknownModel,
            TooSlow,
            StillRunning,
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
            RefusedUrl,
            Unfetchable,
            ReusedKey,
            NotReady,
            Busy,
        ),
    },
    openapi_extra={
        "parameters": [
            _header(
                "Idempotency-Key",
                "A string in double quotes: a request that is sent again with it finds the analysis of the first. "
                "Remembered for 24 hours.",
                '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
            ),
            _header(
                "Prefer",
                "`wait=20` waits up to 20 seconds for all there is to come, `respond-async` for nothing (RFC 7240).",
                "wait=20",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": _schema(AudioForm, form=True),
                    "encoding": {"file": {"contentType": _MEDIA_TYPES}},
                },
                "application/json": {"schema": _schema(AudioLink)},
            },
        },
    },
)
async def analyze_audio(
    submission: Annotated[Submission, Depends(_submission)],
    service: ServiceDep,
    caller: CallerDep,
    preferred: Annotated[Preferences, Depends(_preferences)],
    key: Annotated[str | None, Depends(_key)],
) -> Response:
    """How the people on a recording sound: each channel as a whole, and a timeline of segments; later the words too.

    The recording is stored before anything else happens, so that it is not lost. The answer comes with the acoustic
    result: `200` when that is all there is to come, `202` while the words are still on their way; then `GET` what
    `Location` names, follow its events, or have a callback sent. `Prefer: wait=20` waits up to 20 seconds for all of
    it, `Prefer: respond-async` for nothing.

    A channel whose role is `agent` is `withheld` unless the deployer decides otherwise.
    """
    longest = service.settings.wait_seconds
    if preferred.wait is not None:
        preferred = replace(preferred, wait=min(preferred.wait, longest))
    row, new = await service.intake.accept(
        submission.options, submission.source, caller, key, running_ms=round(1000 * (longest + _MARGIN_S))
    )
    logs.of_analysis(row.id)
    if new:
        await service.tasks.hand_over(Kind.analysis, row.id, service.pipeline.lane(row.step, row.provider))
    if preferred.wait is not None:
        row = await waited(service, row, ended, preferred.wait)
    elif not preferred.respond_async:
        row = await waited(service, row, heard, longest)
    response = await present(service, row, preferred)
    if new and key is not None:
        await service.store.answered(caller.tenant, key)
    return response
