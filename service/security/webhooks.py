"""Standard Webhooks 1.0: the secrets of callback endpoints, and the signatures made with them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final

import httpx2
from pydantic import AfterValidator, ConfigDict, Field, RootModel, SecretStr, model_validator

from service.security.outgoing import origin

_PREFIX: Final = "whsec_"
_ANY: Final = "*"
_MOST_SECRETS: Final = 5


def _beginning(text: str) -> str:
    if text != _ANY:
        try:
            url = httpx2.URL(text)
        except httpx2.InvalidURL:
            url = httpx2.URL()
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
            raise ValueError("give * or the beginning of an address, such as https://crm.example.com/hooks")
    return text


def _secret(secret: SecretStr) -> SecretStr:
    try:
        key = _key(secret)
    except binascii.Error:
        key = b""
    if not secret.get_secret_value().startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f"a secret is {_PREFIX} and base64 of 24 to 64 bytes; python -m service secret makes one")
    return secret


def _key(secret: SecretStr) -> bytes:
    return base64.b64decode(secret.get_secret_value().removeprefix(_PREFIX).encode(), validate=True)


class Secrets(
    RootModel[
        dict[
            Annotated[str, AfterValidator(_beginning)],
            Annotated[
                list[Annotated[SecretStr, AfterValidator(_secret)]], Field(min_length=1, max_length=_MOST_SECRETS)
            ],
        ]
    ]
):
    """Beginning of an address, or ``*`` for any other -> the secrets that sign what is sent there.

    Made of a mapping or of its JSON. Its text and its errors do not show the secrets.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('give JSON such as {"https://crm.example.com/": ["whsec_…"]}') from None

    def of(self, url: str) -> tuple[bytes, ...]:
        """The keys for ``url``: those of the longest beginning that matches it up to a whole segment of its path.

        None where nothing matches.

        Raises:
            httpx2.InvalidURL: ``url`` is no address.
        """
        parsed = httpx2.URL(url)
        matches = {
            len(path): keys for beginning, keys in self.root.items() if (path := _begun(beginning, parsed)) is not None
        }
        return tuple(map(_key, matches[max(matches)])) if matches else ()


def _begun(beginning: str, url: httpx2.URL) -> bytes | None:
    """The part of the path of ``url`` that is in ``beginning``; None where ``url`` does not begin with it."""
    if beginning == _ANY:
        return b""
    start = httpx2.URL(beginning)
    if origin(start) != origin(url):
        return None
    path = _path(start)
    return path if _path(url).startswith(path) else None


def _path(url: httpx2.URL) -> bytes:
    """The path with a slash at its end, so that one can begin with another in whole segments only."""
    return url.raw_path.partition(b"?")[0].rstrip(b"/") + b"/"


def sign(secrets: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The ``webhook-signature`` of a message: one for each of ``secrets``, so that one can be replaced by another."""
    message = f"{message_id}.{timestamp_s}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(secret, message, 'sha256')).decode()}" for secret in secrets)


def new_secret(random: bytes) -> str:
    """``random``, 24 to 64 bytes of it, as a secret."""
    return _PREFIX + base64.b64encode(random).decode()
