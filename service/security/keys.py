"""API keys: ``v2v_<prefix>_<secret>``, of which only the prefix and a hash are kept.

The secret has 256 bits of chance, so that one round of SHA-256 hides it: there is nothing to guess that a slow hash
would protect. The prefix names the key in lists, in logs and for whoever revokes it, and is no secret.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_PREFIX_BYTES: Final = 10
_SECRET_BYTES: Final = 32
_KEY: Final = re.compile(r"v2v_([a-z2-7]{16})_[a-z2-7]{52}")


class Scope(StrEnum):
    """What a key may be used for."""

    analyze = "analyze"
    """Ask for analyses, have them tried again, have callbacks sent again: every POST."""

    read = "read"
    """Read results, models and states: every GET."""

    erase = "erase"
    """Erase analyses: every DELETE."""

    metrics = "metrics"
    """Read the metrics of the whole service, which are nobody's own."""


USUAL: Final = frozenset({Scope.analyze, Scope.read, Scope.erase})
"""What a key may do where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        tenant: whose analyses the caller sees.
        key_prefix: names the key; empty without one.
    """

    tenant: str
    key_prefix: str
    scopes: frozenset[Scope]


ANYONE: Final = Caller("", "", frozenset(Scope))
"""Who asks without a key, where that is allowed."""


def new_key(entropy: Callable[[int], bytes]) -> tuple[str, str]:
    """A key made of ``entropy``, and its prefix."""
    prefix, secret = _letters(entropy(_PREFIX_BYTES)), _letters(entropy(_SECRET_BYTES))
    return f"v2v_{prefix}_{secret}", prefix


def prefix_of(key: str) -> str | None:
    """The prefix of ``key``; None where that is no key at all."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def hashed(key: str) -> str:
    """What is kept of ``key``: SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def matches(key: str, sha256: str) -> bool:
    """Whether ``sha256`` is the hash of ``key``, in a time that does not tell how much of it is."""
    return hmac.compare_digest(hashed(key), sha256)


def _letters(random: bytes) -> str:
    return base64.b32encode(random).decode().rstrip("=").lower()
