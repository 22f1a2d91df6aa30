"""AssemblyAI as a provider: upload, order, wait, fetch, delete.

An order must not be placed twice, for each is paid for and each is a copy of the call to delete. So its phase
``submitting`` is stored before it is placed, and who finds an order in that phase cannot know whether it was: the
process may have died, or the answer been lost. AssemblyAI takes no key of ours to tell, but its list of transcripts
names the upload that each was made from, and an upload is made for one order only. The list is read before each
order, on the undisturbed path too, where that costs one request more: what a process remembers of its own doings is
worth nothing once another has taken its work over.
"""

import hmac
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx2
from pydantic import SecretStr

from service.transcription import (
    Order,
    Phase,
    Refused,
    Request,
    Transcript,
    Unavailable,
    Utterance,
    Waiting,
    Word,
)
from service.transcription import assemblyai_api as api

WEBHOOK_HEADER: Final = "X-V2V-Webhook-Secret"

POLL_SECONDS: Final = 3.0
WEBHOOK_POLL_SECONDS: Final = 60.0
_UPLOAD_AGAIN_SECONDS: Final = 60.0
# 2,000 orders: what the account may have ordered since this one was.
_PAGES: Final = 10
_CHUNK: Final = 1 << 20
_WEBHOOK_DOMAIN: Final = b"voice-to-value assemblyai webhook\0"
# AssemblyAI keeps a deleted transcript, completed, with this in place of its words.
_DELETED_URL: Final = "http://deleted_by_user"
# The regions that AssemblyAI knows. GB is the code of ISO 3166, uk is AssemblyAI's.
_REGIONS: Final = {"en_au": "en_au", "en_gb": "en_uk", "en_uk": "en_uk", "en_us": "en_us"}
_PII: Final = (
    *("person_name", "date_of_birth", "location", "phone_number", "email_address", "username", "password"),
    *("account_number", "banking_information", "credit_card_number", "credit_card_cvv", "credit_card_expiration"),
    *("number_sequence", "us_social_security_number", "passport_number", "drivers_license", "vehicle_id"),
    *("healthcare_number", "ip_address"),
)


class AssemblyAI:
    """A :class:`~service.transcription.Provider`.

    Args:
        api_key: sent as ``Authorization``, and to no host but that of ``base_url``.
        speech_models: in order of preference.
        redact_pii: replace personal data by its kind, as ``[PHONE_NUMBER]``, before the words are returned.
        public_url: where this service can be reached; empty where it cannot, and AssemblyAI is asked instead.
        transport: carries the requests; None for the network.
        clock: seconds since 1970.
    """

    name: Final = "assemblyai"
    remote: Final = True

    def __init__(
        self,
        *,
        api_key: SecretStr,
        base_url: str,
        speech_models: Sequence[str],
        redact_pii: bool,
        public_url: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = api_key
        self._speech_models = list(speech_models)
        self._redact_pii = redact_pii
        self._public_url = public_url.rstrip("/")
        self._poll_seconds = WEBHOOK_POLL_SECONDS if public_url else POLL_SECONDS
        self._api = api.Api(api_key, base_url, transport, clock)

    async def advance(self, request: Request, order: Order) -> Waiting | Transcript:
        """As the port says. An upload that AssemblyAI no longer knows is made again, after a minute."""
        match order:
            case Order(Phase.new):
                return await self._upload(request)
            case Order(Phase.uploaded, str(upload_url)):
                return Waiting(Order(Phase.submitting, upload_url), 0)
            case Order(Phase.submitting, str(upload_url)):
                return await self._place(request, upload_url)
            case Order(Phase.submitted, _, str(remote_id)):
                return await self._fetch(request, order, remote_id)
        raise ValueError(f"an order cannot be {order.phase} without what that phase brings")

    async def forget(self, order: Order) -> None:
        """As the port says. AssemblyAI can delete a transcript, and the upload with it, but no mere upload."""
        try:
            remote_id = order.remote_id
            if order.phase is Phase.submitting and order.upload_url:
                remote_id = await self._api.find(order.upload_url, _PAGES)
            if remote_id:
                await self._api.delete(remote_id)
        except api.Rejected as rejected:
            if not rejected.unknown:
                # It may still be working on it.
                raise Unavailable(f"AssemblyAI does not delete the transcript ({rejected.status}).") from None

    async def close(self) -> None:
        await self._api.close()

    def accepts(self, analysis_id: str, header_value: str | None) -> bool:
        """Whether ``header_value``, that of :data:`WEBHOOK_HEADER`, is the secret of this analysis."""
        if header_value is None:
            return False
        return hmac.compare_digest(self._secret(analysis_id).encode(), header_value.encode("utf-8", "surrogateescape"))

    async def _upload(self, request: Request) -> Waiting:
        async with anyio.wrap_file(await anyio.to_thread.run_sync(request.open)) as file:
            try:
                upload_url = await self._api.upload(_chunks(file))
            except api.Rejected as rejected:
                if rejected.upload_gone:  # AssemblyAI's document has this answer for a key that may not upload
                    raise Unavailable(f"AssemblyAI takes no upload with this key ({rejected.status}).") from None
                raise Refused(rejected.reason) from None
        return Waiting(Order(Phase.uploaded, upload_url), 0)

    async def _place(self, request: Request, upload_url: str) -> Waiting:
        try:
            remote_id = await self._api.find(upload_url, _PAGES)
        except api.Rejected as rejected:
            raise Unavailable(f"AssemblyAI does not list its transcripts ({rejected.status}).") from None
        if remote_id is None:
            try:
                remote_id = (await self._api.create(self._parameters(request, upload_url))).id
            except api.Rejected as rejected:
                if rejected.upload_gone:
                    return Waiting(Order(), _UPLOAD_AGAIN_SECONDS)
                raise Refused(rejected.reason) from None
        return Waiting(Order(Phase.submitted, upload_url, remote_id), self._poll_seconds)

    async def _fetch(self, request: Request, order: Order, remote_id: str) -> Waiting | Transcript:
        try:
            answer = await self._api.get(remote_id)
        except api.Rejected as rejected:
            raise Refused(rejected.reason) from None
        if answer.audio_url == _DELETED_URL:
            raise Refused("The transcript was deleted at AssemblyAI before it was fetched.")
        if answer.status == "error":
            raise Refused(api.readable(answer.error or "") or "AssemblyAI failed and gave no reason.")
        if answer.status == "completed":
            return _transcript(answer, separate=request.separate)
        return Waiting(order, self._poll_seconds)

    def _parameters(self, request: Request, upload_url: str) -> dict[str, Any]:
        parameters: dict[str, Any] = {"audio_url": upload_url, "speech_models": self._speech_models}
        # They exclude each other.
        parameters["multichannel" if request.separate else "speaker_labels"] = True
        if request.language:
            parameters["language_code"] = _language_code(request.language)
        else:
            parameters["language_detection"] = True
        if self._redact_pii:
            parameters |= {"redact_pii": True, "redact_pii_policies": list(_PII), "redact_pii_sub": "entity_name"}
        if self._public_url:
            parameters |= {
                "webhook_url": f"{self._public_url}/webhooks/assemblyai/{request.analysis_id}",
                "webhook_auth_header_name": WEBHOOK_HEADER,
                "webhook_auth_header_value": self._secret(request.analysis_id),
            }
        return parameters

    def _secret(self, analysis_id: str) -> str:
        """What AssemblyAI has to show to be believed about this analysis. AssemblyAI knows the key it is made with."""
        key = self._key.get_secret_value().encode()
        return hmac.digest(key, _WEBHOOK_DOMAIN + analysis_id.encode(), "sha256").hex()


async def _chunks(file: anyio.AsyncFile[bytes]) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


def _language_code(language: str) -> str:
    code = language.lower().replace("-", "_")
    return _REGIONS.get(code) or code.partition("_")[0]


def _transcript(answer: api.Transcript, *, separate: bool) -> Transcript:
    utterances = answer.utterances
    if utterances is None:
        utterances = _one_utterance(answer)
    return Transcript(
        text=answer.text or "",
        language=answer.language_code,
        model=answer.speech_model_used or "assemblyai",
        utterances=tuple(
            sorted((_utterance(item, separate=separate) for item in utterances), key=lambda item: item.start_ms)
        ),
    )


def _one_utterance(answer: api.Transcript) -> list[api.Utterance]:
    """Everything in one piece, where AssemblyAI did not divide it."""
    words = answer.words
    if not words:
        return []
    return [
        api.Utterance(
            start=min(word.start for word in words),
            end=max(word.end for word in words),
            text=answer.text or " ".join(word.text for word in words),
            confidence=sum(word.confidence for word in words) / len(words),
            words=words,
        )
    ]


def _utterance(item: api.Utterance, *, separate: bool) -> Utterance:
    return Utterance(
        start_ms=item.start,
        end_ms=max(item.start, item.end),
        channel=item.channel if separate else None,
        # Where each channel holds one voice, AssemblyAI's label repeats the channel.
        speaker=None if separate else item.speaker,
        text=item.text,
        confidence=item.confidence,
        words=tuple(Word(word.start, max(word.start, word.end), word.text, word.confidence) for word in item.words),
    )
