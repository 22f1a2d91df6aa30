"""The settings: environment variables with the prefix ``V2V_``, each documented under its name."""

import os
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "V2V_"


class SettingsError(Exception):
    """The service cannot start with these settings. The message names each variable and its fault."""


class Settings(BaseSettings):
    """Read from the environment when it is made; immutable afterwards."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every interface."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""

    data_dir: Path = Path("data")
    """Folder of all that the service writes, uploads under analysis included; made where it is absent."""

    models_dir: Path = Path(__file__).resolve().parents[1] / "onnx_models"
    """Folder that holds one folder for each model artefact."""

    agent_emotions: bool = False
    """Also read emotions from the voice of channels whose role is `agent`. In the EU the law forbids this for
    employees (AI Act, Article 5(1)(f)); without it such a channel is answered as `withheld`."""

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

    concurrency: int = Field(default=2, gt=0)
    """Analyses that run at the same time, each on one core; further requests wait for their turn."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe log messages that are written."""


def load_settings() -> Settings:
    """The settings of the environment.

    Raises:
        SettingsError: a variable has a value that its setting does not take.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = (
            f"{_PREFIX}{'.'.join(map(str, item['loc'])).upper()}={item['input']}: {item['msg']}"
            for item in error.errors()
        )
        raise SettingsError("\n".join(lines)) from error


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
