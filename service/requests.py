"""What a caller asks for, as it comes over the wire. A field that is not known here is an error."""

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from service.analyses.acoustic import Role
from service.rules import Rules
from service.schemas import Consent

METADATA_MAX_BYTES = 16_384


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is no character; send valid Unicode") from None
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which no database keeps; leave it out")
    return text


def _storable(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise ValueError("metadata holds something that JSON in UTF-8 cannot carry") from None
    if size > METADATA_MAX_BYTES:
        raise ValueError(f"metadata takes {size} bytes as JSON; at most {METADATA_MAX_BYTES} are kept")
    return metadata


Text = Annotated[str, AfterValidator(_utf8)]
ExternalId = Annotated[Text, AfterValidator(_without_nul)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_storable)]

EXTERNAL_ID = Field(default=None, max_length=200, description="Your own id of the call or text; it is echoed.")
_ECHOED = f"A JSON object of your own, at most {METADATA_MAX_BYTES:,} bytes; it is echoed."


class Transcription(StrEnum):
    auto = "auto"
    assemblyai = "assemblyai"
    local = "local"
    none = "none"


class RequestModel(BaseModel):
    """A request body. A field that it does not have is an error that names those it has."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _knows_every_field(cls, data: Any) -> Any:
        unknown = [name[:80] for name in data if name not in cls.model_fields] if isinstance(data, dict) else []
        if unknown:
            raise PydanticCustomError(
                "unknown_field",
                "there is no such field; the fields are {fields}",
                {"unknown": unknown, "fields": ", ".join(cls.model_fields)},
            )
        return data


class AudioOptions(RequestModel):
    """What a caller can ask of an audio analysis, beside the file."""

    external_id: ExternalId | None = EXTERNAL_ID
    metadata: Metadata | None = Field(
        default=None,
        description=f"{_ECHOED} What it says of the call goes into the payloads of "
        "`GET /analyses/{id}?format=`, which lists the names.",
    )
    channel_roles: list[Role] | None = Field(
        default=None,
        min_length=1,
        fail_fast=True,
        description="Who speaks on each channel, from channel 1: `customer`, `agent` or `unknown`. "
        "Separated by commas, or the field repeated. Without it every channel is `unknown`.",
    )
    transcription: Transcription = Field(
        default=Transcription.auto,
        description="Who makes the transcript. `auto` takes what is configured: AssemblyAI, else a model on this "
        "machine, else none.",
    )
    language: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2,3}([_-][A-Za-z]{2,4})?$",
        description="The language that is spoken, as `en`, `en_us` or `de`; without it the provider finds out.",
    )
    model: Text | None = Field(
        default=None,
        max_length=100,
        description="A speech or vocal burst model of `GET /models`. It takes the place of the default one of its "
        "task; the other task keeps its default.",
    )
    rules: Rules | None = Field(
        default=None,
        description="When to tag the call, and with what, beside the rules of this service; as JSON.",
    )
    consent: Consent | None = Field(
        default=None,
        description="What the people on the recording have agreed to, as JSON; it is kept with the analysis and "
        "echoed. Without it the analysis is as if all were agreed to: then it is you who knows on what ground.",
    )
    callback_url: Text | None = Field(
        default=None,
        max_length=2048,
        description="Where signed callbacks go (Standard Webhooks): `analysis.acoustics_ready` while the words are "
        "still to come, then `analysis.completed` or `analysis.failed`.",
    )


class AudioLink(AudioOptions):
    """A recording to be fetched, and what to do with it."""

    audio_url: Text = Field(max_length=2048, description="Where the recording is; `https`, and a public address.")


class TextRequest(RequestModel):
    """One text or a batch."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["text"],
                    "properties": {"text": {"type": "string", "minLength": 1}, "texts": {"type": "null"}},
                },
                {"required": ["texts"], "properties": {"texts": {"items": {"minLength": 1}}, "text": {"type": "null"}}},
            ]
        }
    )

    text: Text | None = Field(default=None, description="One text. Give either this or `texts`.")
    texts: list[Text] | None = Field(
        default=None, min_length=1, fail_fast=True, description="A batch of texts, answered in its order."
    )
    external_id: ExternalId | None = EXTERNAL_ID
    metadata: Metadata | None = Field(default=None, description=_ECHOED)

    @model_validator(mode="after")
    def _one_of_both(self) -> "TextRequest":
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either text (a string) or texts (a list of strings)")
        return self

    @property
    def batch(self) -> list[str]:
        return [self.text] if self.text is not None else self.texts or []
