"""Callbacks: one attempt to deliver a message, and when to make the next.

Messages, retries and their schedule follow Standard Webhooks 1.0.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from service.problems import RefusedUrl
from service.security.webhooks import Secrets, sign

SCHEDULE: Final = (0, 5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
"""Seconds to wait before each attempt."""

SECONDS: Final = 15
"""How long one attempt may take."""

_LONGEST_WAIT: Final = 24 * 3600
_ANSWER_BYTES: Final = 4096
_SECONDS: Final = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        status: of the answer; None where there was none.
        error: what was wrong, fit to show; None where it was delivered.
        retry_after: seconds that the endpoint asks to be left alone.
        duration_ms: how long it took.
    """

    status: int | None
    error: str | None
    retry_after: float | None
    duration_ms: int

    @property
    def delivered(self) -> bool:
        """Whether the endpoint has accepted the message: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


def delay(attempts: int, outcome: Outcome, jitter: float) -> float | None:
    """Seconds to wait after ``attempts`` of them, at least one, the last of which failed with ``outcome``.

    None where it is time to give up: after the last of :data:`SCHEDULE`, or when the endpoint is gone (410).

    Args:
        jitter: random in 0..1; makes the wait up to a tenth longer.
    """
    if outcome.status == 410 or attempts >= len(SCHEDULE):
        return None
    return max(SCHEDULE[attempts] * (1 + jitter / 10), min(outcome.retry_after or 0, _LONGEST_WAIT))


class Sender:
    """Delivers messages.

    Args:
        client: a guarded one, as :func:`service.security.outgoing.client` makes it.
        secrets: sign what is sent; an address without a secret gets its messages unsigned.
        clock: milliseconds since 1970.
    """

    def __init__(self, client: httpx2.AsyncClient, secrets: Secrets, clock: Callable[[], int]) -> None:
        self._client = client
        self._secrets = secrets
        self._clock = clock

    async def send(self, url: str, message_id: str, body: bytes) -> Outcome:
        """Post ``body``, which is JSON, to ``url`` once. Whatever goes wrong is the outcome's."""
        start = self._clock()
        status = retry_after = trouble = None
        try:
            headers = self._headers(url, message_id, start // 1000, body)
            async with (
                asyncio.timeout(SECONDS),
                self._client.stream("POST", url, content=body, headers=headers) as response,
            ):
                status = response.status_code
                retry_after = _retry_after(response.headers.get("retry-after", ""), self._clock())
                # A short answer is read to its end, so that the endpoint sees its connection closed in good order.
                await anext(response.aiter_raw(_ANSWER_BYTES), b"")
        except RefusedUrl as refused:
            trouble = refused.detail
        except (TimeoutError, httpx2.TimeoutException):
            trouble = f"The endpoint did not answer within {SECONDS} seconds."
        except (httpx2.ConnectError, httpx2.InvalidURL):
            trouble = "The endpoint could not be reached."
        except httpx2.TransportError:
            trouble = "The endpoint broke off before it answered."
        error = trouble if status is None else _fault(status)
        return Outcome(status, error, retry_after, self._clock() - start)

    def _headers(self, url: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp_s),
        }
        if secrets := self._secrets.of(url):
            headers["webhook-signature"] = sign(secrets, message_id, timestamp_s, body)
        return headers


def _fault(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    return f"The endpoint answered {status}{'; redirects are not followed' if 300 <= status < 400 else ''}."


def _retry_after(value: str, now_ms: int) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3): a number of them, or a date."""
    if _SECONDS.fullmatch(value):
        return float(value)
    with suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_ms / 1000)
    return None
