"""AssemblyAI's REST API, as its OpenAPI document describes it: the calls that are used, and what they answer."""

import re
from collections.abc import AsyncIterable, Callable
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import httpx2
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError

from service.transcription import Unavailable

_TIMEOUT: Final = httpx2.Timeout(60, connect=10)
_UPLOAD_TIMEOUT: Final = httpx2.Timeout(300, connect=10)
_PAGE: Final = 200
_LONGEST_PAUSE: Final = 3600
_MOST_CHARS: Final = 300
_ADDRESS: Final = re.compile(r"\w+://\S+")

_KEY_REFUSED: Final = "AssemblyAI refuses the key; whoever runs this service has to set another one."
_NO_FUNDS: Final = "The AssemblyAI account has no funds left; whoever runs this service has to top it up."
_NOT_UNDERSTOOD: Final = "AssemblyAI's answer cannot be understood."
_UPLOAD_GONE: Final = "cannot access uploaded file"
# Unlike its document, AssemblyAI answers these with 400: github.com/AssemblyAI/cookbook, common_errors_and_solutions.md
_BALANCE: Final = "account balance"
_UNKNOWN_ID: Final = "transcript id not found"

# PostgreSQL keeps no NUL.
Text = Annotated[str, AfterValidator(lambda text: text.replace("\0", ""))]
Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
Score = Annotated[float, Field(ge=0, le=1)]
# It becomes part of a path.
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Model = TypeVar("Model", bound=BaseModel)


class Rejected(Exception):  # noqa: N818 (an answer, not an error of ours)
    """AssemblyAI will not do what it was asked. ``reason`` is its own, fit for a caller to read."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    @property
    def upload_gone(self) -> bool:
        """The upload has expired, or was made with the key of another project."""
        return _UPLOAD_GONE in self.reason.lower()

    @property
    def unknown(self) -> bool:
        """There is no such transcript."""
        return self.status == 404 or _UNKNOWN_ID in self.reason.lower()


class Upload(BaseModel):
    upload_url: Text = Field(min_length=1)


class Word(BaseModel):
    start: Milliseconds
    end: Milliseconds
    text: Text
    confidence: Score


class Utterance(Word):
    channel: Annotated[int, Field(ge=1)] | None = None
    speaker: Text | None = None
    words: list[Word]


class Transcript(BaseModel):
    """An order, and its words once ``status`` is ``completed``."""

    id: Id
    status: Literal["queued", "processing", "completed", "error"]
    audio_url: str
    error: str | None = None
    text: Text | None = None
    confidence: Score | None = None
    language_code: Text | None = None
    speech_model_used: Text | None = None
    words: list[Word] | None = None
    utterances: list[Utterance] | None = None


class _ListItem(BaseModel):
    id: Id
    audio_url: str


class _PageDetails(BaseModel):
    prev_url: str | None


class _Page(BaseModel):
    page_details: _PageDetails
    transcripts: list[_ListItem]


class _Error(BaseModel):
    error: str


class Api:
    """A client with one pool of connections.

    Every call raises :class:`Unavailable` where the answer is missing, late, damaged or a fault that may pass, and
    :class:`Rejected` where AssemblyAI says no in the documented form. Neither holds the key or an address.
    """

    def __init__(
        self,
        key: SecretStr,
        base_url: str,
        transport: httpx2.AsyncBaseTransport | None,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            headers={"Authorization": key.get_secret_value()},
            timeout=_TIMEOUT,
            transport=transport,
        )

    async def upload(self, audio: AsyncIterable[bytes]) -> str:
        """Send a recording and return the address that AssemblyAI gives it."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = await self._call(Upload, "POST", "/v2/upload", content=audio, headers=headers, timeout=_UPLOAD_TIMEOUT)
        return answer.upload_url

    async def create(self, parameters: dict[str, Any]) -> Transcript:
        """Order a transcript."""
        return await self._call(Transcript, "POST", "/v2/transcript", json=parameters)

    async def get(self, transcript_id: str) -> Transcript:
        """How far an order is."""
        return await self._call(Transcript, "GET", f"/v2/transcript/{transcript_id}")

    async def find(self, audio_url: str, pages: int) -> str | None:
        """The id of the newest order for ``audio_url`` among the newest orders; None where there is none."""
        query: dict[str, Any] = {"limit": _PAGE}
        for _ in range(pages):
            page = await self._call(_Page, "GET", "/v2/transcript", params=query)
            for item in page.transcripts:
                if item.audio_url == audio_url:
                    return item.id
            if page.page_details.prev_url is None or not page.transcripts:
                return None
            # prev_url says the same, but the key is not sent to an address out of an answer.
            query["before_id"] = page.transcripts[-1].id
        return None

    async def delete(self, transcript_id: str) -> None:
        """Delete a transcript and the upload that it was made from."""
        await self._send("DELETE", f"/v2/transcript/{transcript_id}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _call(self, model: type[Model], method: str, path: str, **options: Any) -> Model:
        response = await self._send(method, path, **options)
        try:
            return model.model_validate_json(response.content)
        except ValidationError:
            # Not chained, here and below: the cause would show what was sent or answered.
            raise Unavailable(_NOT_UNDERSTOOD) from None

    async def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            response = await self._client.request(method, path, **options)
        except httpx2.RequestError as error:
            raise Unavailable(f"AssemblyAI cannot be reached ({type(error).__name__}).") from None
        if response.status_code != 200:
            raise self._fault(response)
        return response

    def _fault(self, response: httpx2.Response) -> Unavailable | Rejected:
        status = response.status_code
        pause = self._pause(response.headers.get("Retry-After", ""))
        if status == 429:
            return Unavailable("AssemblyAI takes no more requests for now.", pause)
        # A page of a proxy is no answer of AssemblyAI's, whatever its status.
        rejected = Rejected(status, _message(response)) if status in (400, 403, 404, 422) else None
        if status == 401 or (status == 403 and not (rejected and rejected.upload_gone)):
            return Unavailable(_KEY_REFUSED)
        if rejected is None or not rejected.reason:
            return Unavailable(f"AssemblyAI answers with status {status}.", pause)
        return Unavailable(_NO_FUNDS) if _BALANCE in rejected.reason.lower() else rejected

    def _pause(self, value: str) -> float | None:
        """Seconds from a ``Retry-After`` in either form (RFC 9110, section 10.2.3)."""
        if re.fullmatch(r"[0-9]{1,9}", value):
            return min(float(value), _LONGEST_PAUSE)
        try:
            seconds = parsedate_to_datetime(value).timestamp() - self._clock()
        except (ValueError, OverflowError):
            return None
        return min(max(seconds, 0.0), _LONGEST_PAUSE)


def _message(response: httpx2.Response) -> str:
    """AssemblyAI's own words in an error; empty where the body is not the documented one."""
    try:
        return readable(_Error.model_validate_json(response.content).error)
    except ValidationError:
        return ""


def readable(text: str) -> str:
    """AssemblyAI's words without addresses, which may be signed, on one line of bounded length."""
    printable = "".join(char if char.isprintable() else " " for char in _ADDRESS.sub("(address)", text))
    return " ".join(printable.split())[:_MOST_CHARS]
