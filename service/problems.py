"""Every error that a caller can meet: one family, each with a stable type, answered as RFC 9457 problem+json.

    Problem
    ├── InvalidRequest          422  a field is missing or out of range
    │   ├── UnknownField        422
    │   ├── NoFile              422
    │   ├── WrongRoleCount      422
    │   ├── NoSpeech            422
    │   ├── RefusedUrl          422  an address that this service will not call
    │   └── Unfetchable         422  no recording came from the address
    ├── EmptyFile               400
    ├── Unauthorized            401  no API key, or none that counts
    ├── InsufficientScope       403  the API key is for something else
    ├── TooSlow                 408  the body did not come in time
    ├── TooManyRequests         429  the API key has used up what it may use
    ├── NotAudio                415  no decoder on the list takes these bytes
    ├── TooLarge                413  more bytes than the limit
    ├── TooLong                 413  more seconds than the limit
    ├── TooManyChannels         413
    ├── UnknownModel            404
    ├── UnknownAnalysis         404
    ├── ErasedAnalysis          410
    ├── StillRunning            409  the first request with this key is not answered yet
    ├── NotRetryable            409  it lacks nothing, or its recording is gone
    ├── ReusedKey               422  the key was used for another request
    ├── NotReady                503  an artefact is missing, tampered with or does not fit the code
    └── Busy                    503  too much is waiting; the answer says when to come again

A problem is raised where it is noticed, by the domain too; :mod:`service.api` turns it into a response.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(Exception):  # noqa: N818 (RFC 9457's word)
    """An error with a stable ``type`` and a ``detail`` that says what to do.

    ``extensions`` are extra members, ``headers`` go with the answer.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, **extensions: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = extensions
        self.headers: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"/problems/{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extensions,
        }


class InvalidRequest(Problem):
    status = 422
    type = "invalid-request"
    title = "The request is not valid"


class UnknownField(InvalidRequest):
    type = "unknown-field"
    title = "The request has a field that is not known"


class NoFile(InvalidRequest):
    type = "no-file"
    title = "No audio file was sent"


class WrongRoleCount(InvalidRequest):
    type = "wrong-role-count"
    title = "The roles do not match the channels"


class NoSpeech(InvalidRequest):
    type = "no-speech"
    title = "No speech was found"


class RefusedUrl(InvalidRequest):
    type = "refused-url"
    title = "The address is not allowed"


class Unfetchable(InvalidRequest):
    type = "unfetchable-audio"
    title = "The recording could not be fetched"


class EmptyFile(Problem):
    status = 400
    type = "empty-file"
    title = "The file is empty"


class Unauthorized(Problem):
    status = 401
    type = "unauthorized"
    title = "The request needs an API key"

    def __init__(self, detail: str, error: str | None = None) -> None:
        """``error`` is a code of RFC 6750, 3.1, where a key was sent."""
        super().__init__(detail)
        self.headers = {"WWW-Authenticate": _challenge(error=error)}


class InsufficientScope(Problem):
    status = 403
    type = "insufficient-scope"
    title = "The API key is not for this"

    def __init__(self, detail: str, scope: str) -> None:
        super().__init__(detail, scope=scope)
        self.headers = {"WWW-Authenticate": _challenge(error="insufficient_scope", scope=scope)}


class TooSlow(Problem):
    status = 408
    type = "too-slow"
    title = "The request took too long to arrive"


class TooManyRequests(Problem):
    """``violated-policies`` is as in draft-ietf-httpapi-ratelimit-headers."""

    status = 429
    type = "too-many-requests"
    title = "The API key has used up what it may use for now"

    def __init__(self, detail: str, policy: str, headers: Mapping[str, str]) -> None:
        super().__init__(detail, **{"violated-policies": [policy]})
        self.headers = dict(headers)


class NotAudio(Problem):
    status = 415
    type = "not-audio"
    title = "The file is not audio that can be read"


class TooLarge(Problem):
    status = 413
    type = "too-large"
    title = "The upload is too large"


class TooLong(Problem):
    status = 413
    type = "too-long"
    title = "The recording is too long"


class TooManyChannels(Problem):
    status = 413
    type = "too-many-channels"
    title = "The recording has too many channels"


class UnknownModel(Problem):
    status = 404
    type = "unknown-model"
    title = "There is no such model"


class UnknownAnalysis(Problem):
    status = 404
    type = "unknown-analysis"
    title = "There is no such analysis"


class ErasedAnalysis(Problem):
    status = 410
    type = "erased-analysis"
    title = "The analysis was erased"


class StillRunning(Problem):
    status = 409
    type = "still-running"
    title = "The first request with this key is still running"


class ReusedKey(Problem):
    status = 422
    type = "reused-key"
    title = "The key was used for another request"


class NotRetryable(Problem):
    status = 409
    type = "not-retryable"
    title = "The analysis cannot be tried again"


class NotReady(Problem):
    status = 503
    type = "not-ready"
    title = "The service is not ready"


class Busy(Problem):
    status = 503
    type = "busy"
    title = "The service has too much to do"

    def __init__(self, detail: str, retry_after: int) -> None:
        """``retry_after`` is in seconds."""
        super().__init__(detail)
        self.headers = {"Retry-After": str(retry_after)}


def _challenge(**parameters: str | None) -> str:
    """A WWW-Authenticate header (RFC 6750, 3)."""
    given = {"realm": "voice-to-value", **parameters}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in given.items() if value is not None)


def internal_error() -> Problem:
    return Problem("The service met an error of its own; its log has the details.")
