"""The settings: environment variables with the prefix ``V2V_``, each documented under its name."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from service.rules import Rules
from service.security.addresses import is_loopback
from service.security.webhooks import Secrets

_PREFIX = "V2V_"
_RULES = 'give a list such as [{"tag": "long", "when": "call.duration_seconds > 600"}], or a file that holds one'


class SettingsError(Exception):
    """The service cannot start with these settings. The message names each variable and its fault."""


class Settings(BaseSettings):
    """Read from the environment when it is made; immutable afterwards."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every interface."""

    allow_anonymous: bool = False
    """Answer requests without an API key, wherever they come from. Without it that is so only while the service listens
    on this machine alone and no key was ever made (`python -m service keys`)."""

    requests_per_minute: int = Field(default=0, ge=0)
    """Most requests with one API key in a minute, over all processes; what is more is answered 429. 0 is no limit."""

    audio_seconds_per_hour: int = Field(default=0, ge=0)
    """Seconds of audio in an hour after which an API key's further recordings are answered 429. 0 is no limit."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""

    data_dir: Path = Path("data")
    """Folder of all that the service writes, uploads under analysis included; made where it is absent."""

    database_url: SecretStr = SecretStr("")
    """Where analyses are kept, such as `postgresql://user:password@host/name` (extra `postgres`). Without it: a SQLite
    file in the data folder."""

    database_password: SecretStr = SecretStr("")
    """Password of the database, where its address has none; for a file of its own in `/run/secrets`."""

    migrate: bool = True
    """Bring the database's tables up to date at the start. Without it `python -m service migrate` has to have done so,
    and the service only checks; for an upgrade in which one process does it before the others start."""

    broker_url: SecretStr = SecretStr("")
    """Redis that hands analyses to workers (`python -m service worker`), such as `redis://host:6379/0` (extra `redis`).
    Without it the service works on them itself."""

    audio_store: str = ""
    """Where recordings wait for their analysis: a folder, or `s3://bucket/prefix` (extra `s3`; credentials and endpoint
    come from the usual `AWS_` variables). Without it: a folder in the data folder."""

    audio_retention_hours: float = Field(default=0, ge=0)
    """How long a recording is kept after its analysis is complete; 0 deletes it at once."""

    result_retention_days: float = Field(default=30, gt=0)
    """How long an analysis is kept after it has ended."""

    recovery_hours: float = Field(default=72, ge=0)
    """How long the recording of an analysis that failed, or that lacks its words, is kept to try again."""

    wait_seconds: float = Field(default=30, ge=0, le=600)
    """Longest time that a request waits for a result; after it the answer is 202."""

    lease_seconds: float = Field(default=30, ge=1)
    """How long a step may go without a sign of life before another process takes it over."""

    public_url: str = ""
    """Address under which the outside reaches this service, such as `https://emotions.example.com`. With it AssemblyAI
    says when a transcript is ready; without it the service asks."""

    assemblyai_api_key: SecretStr = SecretStr("")
    """Key of the AssemblyAI account that transcribes. Without it nothing leaves the machine."""

    assemblyai_base_url: str = "https://api.assemblyai.com"
    """AssemblyAI's API; `https://api.eu.assemblyai.com` keeps the recordings in the EU."""

    assemblyai_speech_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("universal-3-pro", "universal-2"), min_length=1
    )
    """AssemblyAI's speech models, in order of preference, separated by commas."""

    assemblyai_redact_pii: bool = False
    """Let AssemblyAI replace names, numbers and addresses in the transcript before it is returned."""

    local_asr_model: str = ""
    """Whisper model that transcribes on this machine: a folder in CTranslate2 form, or a name such as `base.en` that
    faster-whisper can download (extra `local-asr`)."""

    redact_transcripts: bool = True
    """Replace card, account and telephone numbers, other long numbers, and e-mail addresses in transcripts before they
    are stored. An analysis of emotions needs none of them."""

    transcription_seconds: float = Field(default=3600, gt=0)
    """How long a provider may take over a transcript before the analysis is completed without its words."""

    callback_secrets: Annotated[Secrets, NoDecode] = Secrets({})
    """Which secrets sign the callbacks to which addresses: JSON such as
    `{"https://crm.example.com/": ["whsec_…"], "*": ["whsec_…"]}`. The longest matching beginning of the address counts,
    `*` is any other. Of several each signs, so that one can be replaced; `python -m service secret` makes one."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts (`crm.internal` or `10.0.0.5:8080`, separated by commas) that `audio_url` and `callback_url` may name
    although they are private or speak plain http."""

    models_dir: Path = Path(__file__).resolve().parents[1] / "onnx_models"
    """Folder that holds one folder for each model artefact. It is looked through at the start: any speech or vocal
    burst model in it can be named in a request."""

    speech_model: str = "speech_encoder"
    """Folder of the model that hears emotions in speech, where a request names none."""

    vocal_burst_model: str = "burst_encoder"
    """Folder of the model that hears them where nothing is spoken."""

    text_models: Annotated[tuple[str, ...], NoDecode] = Field(default=("text_minilm",), min_length=1)
    """Folders of the models that read texts, separated by commas: one that has both heads, `sentiment` and `emotion`,
    or one for each."""

    agent_emotions: bool = False
    """Also read emotions from the voice of channels whose role is `agent`. In the EU the law forbids this for
    employees (AI Act, Article 5(1)(f)); without it such a channel is answered as `withheld`."""

    rules: Annotated[Rules, NoDecode] = ()
    """Which calls are tagged, beside what a request asks for: a JSON list, or the path of a file with one, such as
    `[{"tag": "escalate", "when": "customer.anger_last_quarter > 0.5 and agent.talk_share > 0.7"}]`."""

    max_upload_bytes: int = Field(default=200_000_000, gt=0)
    """Largest body of an audio request, in bytes."""

    max_json_bytes: int = Field(default=1_000_000, gt=0)
    """Largest body of any other request, in bytes."""

    max_audio_seconds: float = Field(default=3600, gt=0)
    """Longest recording, in decoded seconds. An hour of two channels takes 1.5 GB while it is decoded."""

    max_channels: int = Field(default=2, gt=0)
    """Largest number of channels in a recording."""

    max_texts: int = Field(default=256, gt=0)
    """Largest number of texts in one request."""

    max_text_chars: int = Field(default=10_000, gt=0)
    """Longest text, in characters."""

    audio_queue: int = Field(default=1000, gt=0)
    """Most recordings that wait to be heard; a further one is answered 503 with `Retry-After`."""

    body_seconds: float = Field(default=300, gt=0)
    """How long the body of a request may take to arrive; after it the answer is 408."""

    text_queue: int = Field(default=200_000, gt=0)
    """Most characters of text that wait to be read, about three seconds of work on two cores that have nothing else to
    do; a request that would make it more is answered 503 with `Retry-After`. A text of several sentences counts
    twice, as it is read as a whole too; no request counts as more than half."""

    concurrency: int = Field(default=2, gt=0)
    """Analyses that run at the same time, each on one core; further requests wait for their turn."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe log messages that are written."""

    log_format: Literal["text", "json"] = "text"
    """How they are written: `text` for people, `json` with an object a line for machines."""

    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which a worker shows its metrics at `/metrics`, at the address of `V2V_HOST`; 0 is none. The service
    shows its own beside the rest of its API."""

    otlp_endpoint: str = ""
    """OpenTelemetry collector that gets the traces over HTTP, such as `http://collector:4318` (extra `otel`)."""

    @field_validator("assemblyai_speech_models", "allowed_hosts", "text_models", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("callback_secrets", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return value or {}

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def emotion_models(self) -> tuple[str, str]:
        """Of speech and of vocal bursts."""
        return self.speech_model, self.vocal_burst_model

    @field_validator("rules", mode="before")
    @classmethod
    def _parse_rules(cls, value: Any) -> Any:
        if not isinstance(value, str) or not value:
            return value or ()
        try:
            return json.loads(value if value.lstrip().startswith("[") else Path(value).read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{os.strerror(error.errno or 0)}; {_RULES}") from None
        except ValueError:
            raise ValueError(f"this is not JSON; {_RULES}") from None


_SECRET = {"database_url", "database_password", "broker_url", "assemblyai_api_key", "callback_secrets"}
_SECRETS_DIR = Path("/run/secrets")


def load_settings(secrets_dir: Path = _SECRETS_DIR) -> Settings:
    """The settings of the environment, and of files that have a variable's name in ``secrets_dir``, which is where
    containers are given secrets. The environment has the last word.

    Raises:
        SettingsError: a variable has a value that its setting does not take, or its file cannot be read.
    """
    try:
        # Every BaseSettings takes it, which mypy cannot see.
        return Settings(_secrets_dir=secrets_dir if secrets_dir.is_dir() else None)  # type: ignore[call-arg]
    except UnreadableError as error:  # it names the field; the cause may hold what was read
        fault = error.__cause__.strerror if isinstance(error.__cause__, OSError) else "this is not UTF-8"
        raise SettingsError(f"{secrets_dir}: {error}: {fault}") from None
    except ValidationError as error:
        raise SettingsError("\n".join(_line(item) for item in error.errors())) from None


def _line(error: Any) -> str:
    name = str(error["loc"][0])
    shown = "…" if name in _SECRET else error["input"]
    return f"{_PREFIX}{name.upper()}={shown}: {error['msg'].removeprefix('Value error, ')}"


def prepare_data_dir(settings: Settings) -> Path:
    """Make the data folder where it is absent and return the folder in it for uploads.

    Raises:
        SettingsError: the folder cannot be made or written to.
    """
    uploads = settings.data_dir / "uploads"
    try:
        uploads.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=uploads):
            return uploads
    except OSError as error:
        raise SettingsError(
            f"{_PREFIX}DATA_DIR={settings.data_dir}: {os.strerror(error.errno or 0)}; "
            "give a folder that this user may write to"
        ) from error
