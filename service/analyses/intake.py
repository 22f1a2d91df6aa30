"""What a caller hands over, checked and stored before it is answered."""

import hashlib
import json
from collections.abc import Mapping
from typing import BinaryIO, Final

import anyio.to_thread

from service.analyses.audio_files import digest
from service.analyses.recordings import Recording
from service.analyses.rows import Analysis, IdempotencyKey
from service.analyses.states import WordsStatus
from service.analyses.store import NewAnalysis, Store
from service.inference.registry import Registry
from service.problems import InvalidRequest, ReusedKey, StillRunning
from service.requests import AudioOptions, Transcription
from service.security import outgoing
from service.security.keys import Caller
from service.security.webhooks import Secrets
from service.transcription import Provider

_STORED: Final = {"channel_roles", "language", "model", "metadata", "rules", "consent"}


class Intake:
    """Accepts recordings, or refuses them at once where that can be told at once."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        providers: Mapping[str, Provider],
        policy: outgoing.Policy,
        secrets: Secrets,
    ) -> None:
        self._store = store
        self._registry = registry
        self._providers = providers
        self._policy = policy
        self._secrets = secrets

    async def accept(
        self, options: AudioOptions, source: BinaryIO | str, caller: Caller, key: str | None, *, running_ms: int
    ) -> tuple[Analysis, bool]:
        """Store a recording, or the address of one, as an analysis.

        Args:
            source: the recording's file, or its address.
            caller: whose analysis it will be.
            key: of the Idempotency-Key header.
            running_ms: how long the first request with a key may take to be answered.

        Returns:
            The analysis, and whether it is new; with a key that was used for the same before it is the one from then.

        Raises:
            Problem: it cannot be accepted; nothing is stored.
        """
        await self._check(options, source if isinstance(source, str) else None)
        provider, words, reason = self._transcription(options.transcription)
        recording = None
        if not isinstance(source, str):
            recording = Recording(await anyio.to_thread.run_sync(digest, source), source)
        new = NewAnalysis(
            options=options.model_dump(mode="json", include=_STORED),
            external_id=options.external_id,
            provider=provider,
            words=words,
            words_reason=reason,
            callback_url=options.callback_url,
            caller=caller,
            recording=recording,
            audio_url=None if recording else str(source),
        )
        # A version that knew of no consent has left its fingerprints without.
        left_out = {"file", "audio_url", *(["consent"] if options.consent is None else [])}
        asked = [
            options.model_dump(mode="json", exclude=left_out),
            recording.digest if recording else source,
        ]
        fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        row, used = await self._store.create(new, key, fingerprint)
        if used is not None:
            self._check_reuse(used, fingerprint, running_ms)
        return row, used is None

    async def _check(self, options: AudioOptions, audio_url: str | None) -> None:
        await anyio.to_thread.run_sync(self._registry.acoustic, options.model)
        if audio_url is not None:
            outgoing.check(audio_url, self._policy)
        if options.callback_url is not None:
            outgoing.check(options.callback_url, self._policy)
            if not self._secrets.of(options.callback_url):
                raise _invalid(
                    "callback_url", "no secret is set to sign callbacks there; name one in V2V_CALLBACK_SECRETS"
                )

    def _transcription(self, asked: Transcription) -> tuple[str | None, WordsStatus, str | None]:
        if asked is Transcription.none:
            return None, WordsStatus.none, "Not asked for."
        provider = next(iter(self._providers), None) if asked is Transcription.auto else asked.value
        if provider is None:
            return None, WordsStatus.none, "No transcription provider is configured."
        if provider not in self._providers:
            raise _invalid("transcription", f"{provider} is not configured here; send auto or none")
        self._registry.text()
        return provider, WordsStatus.pending, None

    def _check_reuse(self, used: IdempotencyKey, fingerprint: str, running_ms: int) -> None:
        if used.fingerprint != fingerprint:
            raise ReusedKey("This Idempotency-Key was used for another recording or other fields; send a new one.")
        if used.answered is None and used.created + running_ms > self._store.ambient.now():
            raise StillRunning(
                "The first request with this Idempotency-Key is not answered yet; try again in a second, "
                f"or GET /analyses/{used.analysis_id}.",
                instance=f"/analyses/{used.analysis_id}",
            )


def _invalid(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {detail}.", errors=[{"field": field, "detail": detail}])
