"""What each step of an analysis does. A step reads the row and earlier results, and says what came of its work.

Steps may be run again after a crash and change nothing but what they return; the provider's orders are made so that
this holds for them too (:mod:`service.transcription`).
"""

import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast

import anyio.to_thread
import httpx2
from anyio import CapacityLimiter
from pydantic import TypeAdapter

from service.analyses import combine, compute
from service.analyses.acoustic import Layout, Role
from service.analyses.audio_files import digest
from service.analyses.recordings import Recording
from service.analyses.rows import Analysis
from service.analyses.states import Event, Status, Step, WordsStatus
from service.analyses.store import Outcome, Store
from service.inference.registry import Registry
from service.privacy.redaction import redact
from service.problems import Problem, Unfetchable
from service.schemas import Acoustics
from service.security.outgoing import TransientFetchError, download
from service.settings import Settings
from service.transcription import Order, Provider, Refused, Request, Transcript, Unavailable

T = TypeVar("T")

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 5
"""How often a step may fail."""

MAX_INTERRUPTIONS: Final = 20
"""How often a process may die over a step; more than it may fail, as most who die with it are innocent."""

_HOUR_MS: Final = 3_600_000
_SLOW_MS: Final = 300_000
_FETCH_SECONDS: Final = 300
_TRANSCRIPT: Final = TypeAdapter(Transcript)
_READ: Final = TypeAdapter(combine.Read | None)


def backoff_ms(attempts: int) -> int:
    """2, 4, 8 ... seconds after the first, second, third ... attempt."""
    return 1000 << attempts


def _consented(row: Analysis) -> bool:
    """Whether emotions may be read; analyses of older versions do not say that they may not."""
    consent = row.options.get("consent") or {}
    return bool(consent.get("emotion_analysis", True))


class Steps:
    """The steps, and what they need. ``limiter`` bounds the CPU work of this process."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: Settings,
        limiter: CapacityLimiter,
        providers: Mapping[str, Provider],
        client: httpx2.AsyncClient,
    ) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._limiter = limiter
        self._providers = providers
        self._client = client

    def table(self) -> dict[Step, Callable[[Analysis], Awaitable[Outcome]]]:
        return {
            Step.fetch: self.fetch,
            Step.acoustics: self.acoustics,
            Step.transcription: self.transcription,
            Step.text: self.text,
            Step.combine: self.combine,
        }

    async def fetch(self, row: Analysis) -> Outcome:
        """Download the recording. Its address, which may hold a key, is then forgotten."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 (whoever commits the outcome closes it)
        try:
            limit = self._settings.max_upload_bytes
            await download(self._client, row.audio_url or "", file, max_bytes=limit, seconds=_FETCH_SECONDS)
            recording = Recording(await anyio.to_thread.run_sync(digest, file), file)
        except TransientFetchError as trouble:
            file.close()
            logger.warning("no recording for %s now: %s", row.id, trouble)
            if row.attempts < MAX_ATTEMPTS:
                return Outcome(Step.fetch, backoff_ms(row.attempts), progress=False, visible=False)
            return self.failed(row, Unfetchable(str(trouble)), retryable=True)
        except BaseException:
            file.close()
            raise
        return Outcome(Step.acoustics, recording=recording, changes={"audio_url": None})

    async def acoustics(self, row: Analysis) -> Outcome:
        """How the people on the recording sound."""

        def work() -> tuple[Acoustics, str]:
            roles = row.options["channel_roles"]
            with self._store.recordings.files.open(row.audio or "") as file:
                found = compute.acoustics(
                    file,
                    [Role(role) for role in roles] if roles else None,
                    row.options["model"],
                    self._registry,
                    self._settings,
                    _consented(row),
                )
            return found, found.model_dump_json()

        found, body = await self._compute(work)
        changes: dict[str, Any] = {"separate": found.audio.layout is Layout.separate}
        if row.words is WordsStatus.pending:
            changes["status"] = Status.processing
            return Outcome(
                Step.transcription,
                result=body,
                changes=changes,
                audio_ms=found.audio.duration_ms,
                events=[Event.acoustics_ready],
            )
        return self._completed(changes, result=body, audio_ms=found.audio.duration_ms)

    async def transcription(self, row: Analysis) -> Outcome:
        """Take the transcript one step further at its provider."""
        provider = self._providers.get(row.provider or "")
        if provider is None:
            return self.without_words(row, f"{row.provider} is not configured any more.")
        stored = await self._store.order(row.id)
        order = Order(stored.phase, stored.upload_url, stored.remote_id) if stored else Order()
        request = Request(
            analysis_id=row.id,
            open=partial(self._store.recordings.files.open, row.audio or ""),
            separate=row.separate,
            language=row.options["language"],
        )
        try:
            progress = await provider.advance(request, order)
        except Refused as refusal:
            return self._refused(refusal.reason)
        except Unavailable as trouble:
            return self.without_words(row, trouble.reason, trouble.retry_after)
        if isinstance(progress, Transcript):
            if self._settings.redact_transcripts:
                progress = await self._compute(partial(redact, progress))
            return Outcome(Step.text, result=_TRANSCRIPT.dump_json(progress).decode())
        waited_ms = self._store.ambient.now() - stored.created if stored else 0
        if waited_ms > self._settings.transcription_seconds * 1000:
            reason = f"{provider.name} has not finished the transcript after {waited_ms // 1000} seconds."
            return self.without_words(row, reason, order=progress.order, overdue=True)
        wait_ms = round(progress.seconds * 1000)
        return Outcome(Step.transcription, wait_ms, order=progress.order, changes={"words_reason": None}, visible=False)

    async def text(self, row: Analysis) -> Outcome:
        """What each utterance says; nothing where that may not be read."""
        models = self._registry.text()
        results = await self._store.results(row.id)

        def work() -> str:
            if not _consented(row):
                return _READ.dump_json(None).decode()
            transcript = _TRANSCRIPT.validate_json(results[Step.transcription])
            return _READ.dump_json(combine.read(transcript, models)).decode()

        return Outcome(Step.combine, result=await self._compute(work))

    async def combine(self, row: Analysis) -> Outcome:
        """Words and voice side by side."""
        results = await self._store.results(row.id)

        def work() -> str:
            return combine.combine(
                _TRANSCRIPT.validate_json(results[Step.transcription]),
                _READ.validate_json(results[Step.text]),
                Acoustics.model_validate_json(results[Step.acoustics]),
            ).model_dump_json()

        return self._completed({"words": WordsStatus.completed, "words_reason": None}, result=await self._compute(work))

    def interrupted(self, row: Analysis) -> Outcome | None:
        """What becomes of a step that was begun too often without an end; None where it may be begun again."""
        if row.attempts <= MAX_INTERRUPTIONS:
            return None
        often = f"was interrupted {row.attempts - 1} times"
        if row.step is Step.transcription:
            return self._refused(f"It {often}.")
        problem = Problem(f"The step {row.step} {often}; the service's log may say why.")
        return self.failed(row, problem, retryable=True)

    def failed(self, row: Analysis, problem: Problem, *, retryable: bool) -> Outcome:
        """The end of an analysis that cannot be made. The recording is kept where trying again may help.

        One that was completed before, and was only to get its words, stays completed.
        """
        if row.status is Status.completed:
            return self._refused(problem.detail)
        now = self._store.ambient.now()
        audio_hours = self._settings.recovery_hours if retryable else 0
        changes = {
            "status": Status.failed,
            "ended": now,
            "problem": problem.document(),
            "audio_until": now + round(audio_hours * _HOUR_MS),
        }
        if row.words is WordsStatus.pending:
            changes |= {"words": WordsStatus.failed, "words_reason": "The analysis failed."}
        return Outcome(row.step, None, changes=changes, events=[Event.failed])

    def _refused(self, reason: str) -> Outcome:
        """Complete without words, which nobody tries for any more unless the caller asks for it."""
        changes = {"words": WordsStatus.failed, "words_reason": reason}
        return self._completed(changes, audio_hours=self._settings.recovery_hours)

    def _completed(
        self, changes: dict[str, Any], *, result: str | None = None, audio_hours: float = 0, audio_ms: int = 0
    ) -> Outcome:
        now = self._store.ambient.now()
        keep_hours = max(audio_hours, self._settings.audio_retention_hours)
        end = {"status": Status.completed, "ended": now, "audio_until": now + round(keep_hours * _HOUR_MS)}
        changes = {**changes, **end}
        return Outcome(Step.done, None, result=result, changes=changes, audio_ms=audio_ms, events=[Event.completed])

    def without_words(
        self,
        row: Analysis,
        reason: str,
        retry_after: float | None = None,
        *,
        order: Order | None = None,
        overdue: bool = False,
    ) -> Outcome:
        """The provider cannot be used now. After a few attempts the analysis is complete but for its words, which are
        still tried for while the recording is kept."""
        logger.warning("no words for %s now: %s", row.id, reason)
        first = row.words is WordsStatus.pending
        if first and row.attempts < MAX_ATTEMPTS and not overdue:
            wait_ms = max(backoff_ms(row.attempts), round(1000 * min(retry_after or 0, 60)))
            return Outcome(Step.transcription, wait_ms, changes={"words_reason": reason}, progress=False)
        recovery_hours = self._settings.recovery_hours
        end = self._completed({"words": WordsStatus.unavailable, "words_reason": reason}, audio_hours=recovery_hours)
        waited_ms = 0 if first else self._store.ambient.now() - cast(int, row.ended)
        left_ms = round(recovery_hours * _HOUR_MS) - waited_ms
        # As long again as it has been waited for, so that each wait is twice as long as the one before.
        wait_ms = max(_SLOW_MS, waited_ms, round(1000 * (retry_after or 0)))
        return Outcome(
            Step.transcription if left_ms > 0 else Step.done,
            min(wait_ms, _HOUR_MS, left_ms) if left_ms > 0 else None,
            order=order,
            changes=end.changes if first else {"words_reason": reason},
            events=end.events if first else (),
            visible=first,
        )

    async def _compute(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)
