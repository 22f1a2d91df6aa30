"""Request headers that FastAPI leaves as text: Idempotency-Key and Prefer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.problems import Problem

_LONGEST_KEY: Final = 255
_LONGEST_WAIT: Final = 2**31

# RFC 9651, 3.3.3: printable ASCII in double quotes, where a backslash comes before a quote or a backslash only.
_STRING: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')

# RFC 7240, 2: the elements of the list, from comma to comma, and what one is made of. The quantifiers are possessive,
# so that no header takes more than one pass.
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*+"'
_ELEMENT: Final = re.compile(rf'(?:[^,"]|{_QUOTED}?+)++')
_PREFERENCE: Final = re.compile(rf"[ \t]*+({_WORD})[ \t]*+(?:=[ \t]*+({_WORD}|{_QUOTED})?+)?+[ \t]*+(?:;.*+)?+")
_DIGITS: Final = re.compile("[0-9]+")


class MalformedIdempotencyKey(Problem):
    status = 400
    type = "malformed-idempotency-key"
    title = "The Idempotency-Key header is malformed"


def idempotency_key(value: str | None) -> str | None:
    """The key in an Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07): a structured-field string.

    Raises:
        MalformedIdempotencyKey: it is anything else, empty, or longer than 255 characters.
    """
    if value is None:
        return None
    match = _STRING.fullmatch(value.strip(" "))
    key = re.sub(r"\\(.)", r"\1", match[1]) if match else ""
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise MalformedIdempotencyKey(
            f"Send 1 to {_LONGEST_KEY} characters of printable ASCII in double quotes, such as "
            'Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324".'
        )
    return key


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a request prefers, of what is understood here.

    Attributes:
        respond_async: an answer at once, with the result to be fetched later.
        wait: the most seconds to wait for the result; None where nothing is said of it.
    """

    respond_async: bool = False
    wait: float | None = None


def preferences(values: Sequence[str]) -> Preferences:
    """What the Prefer headers of a request ask for (RFC 7240).

    Of a preference that comes twice the first counts; one that is unknown or malformed does not.
    """
    found: dict[str, str] = {}
    for name, value in _preferences(",".join(values)):
        found.setdefault(name, value)
    wait = found.get("wait", "")
    return Preferences(
        respond_async=found.get("respond-async") == "",
        wait=min(float(wait), _LONGEST_WAIT) if _DIGITS.fullmatch(wait) else None,
    )


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    """Name, in lower case, and value of each well-formed preference, parameters left out."""
    for element in _ELEMENT.findall(header):
        if match := _PREFERENCE.fullmatch(element):
            name, value = match[1], match[2] or ""
            yield name.lower(), re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def applied(preferences: Preferences) -> str | None:
    """The Preference-Applied header (RFC 7240, 3) where ``preferences`` were honoured; None where there are none."""
    names = ["respond-async"] if preferences.respond_async else []
    if preferences.wait is not None:
        names.append(f"wait={preferences.wait:.0f}")
    return ", ".join(names) or None
