"""The settings of the dashboard: environment variables, each documented under its name."""

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.security.addresses import is_loopback

_PREFIX = "V2V_DASHBOARD_"


class SettingsError(Exception):
    """The dashboard cannot start with these settings. The message names each variable and its fault."""


class DashboardSettings(BaseSettings):
    """Read from the environment when it is made; immutable afterwards."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    url: str = Field(default="http://127.0.0.1:8000", pattern=r"^https?://[^/\s@]+")
    """Where the service is."""

    key: SecretStr = SecretStr("")
    """API key for all who open the page; only while it listens on this machine alone. Without it the page asks each
    visitor, if the service wants a key."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every interface."""

    port: int = Field(default=8501, ge=1, le=65535)
    """Port to listen on."""

    # The limits of the service, by its own names for them: what it would refuse is not even uploaded.
    max_upload_bytes: int = Field(default=200_000_000, gt=0, validation_alias="V2V_MAX_UPLOAD_BYTES")
    max_audio_seconds: float = Field(default=3600, gt=0, validation_alias="V2V_MAX_AUDIO_SECONDS")
    max_channels: int = Field(default=2, gt=0, validation_alias="V2V_MAX_CHANNELS")


def load_settings() -> DashboardSettings:
    """The settings of the environment.

    Raises:
        SettingsError: a variable has a value that its setting does not take, or strangers could use the key.
    """
    try:
        settings = DashboardSettings()
    except ValidationError as error:
        raise SettingsError(
            "\n".join(f"{_variable(item['loc'][0])}: {item['msg']}" for item in error.errors())
        ) from None
    if settings.key.get_secret_value() and not is_loopback(settings.host):
        raise SettingsError(
            f"{_PREFIX}KEY: whoever reaches {settings.host} would see every call of this key. Leave it out, so that "
            "the page asks each visitor for one, or let it listen on 127.0.0.1."
        )
    return settings


def _variable(name: object) -> str:
    text = str(name)
    return text if text.startswith("V2V_") else _PREFIX + text.upper()
