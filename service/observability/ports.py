"""What the service works with, observed: each of these does what it wraps does, and tells how it went."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.analyses.callbacks import Outcome as Delivery
from service.analyses.outbox import Post
from service.analyses.rows import Analysis
from service.analyses.states import Status, Step
from service.analyses.store import Outcome
from service.observability import inference, logs
from service.observability.metrics import Metrics
from service.observability.traces import Kind, Tracer
from service.problems import Problem
from service.transcription import Order, Provider, Refused, Request, Transcript, Unavailable, Waiting

Work = Callable[[Analysis], Awaitable[Outcome]]

T = TypeVar("T")


def observed_step(step: Step, work: Work, metrics: Metrics, tracer: Tracer) -> Work:
    """``work``, which is that of ``step``; its span is part of the trace in which the analysis was asked for."""

    async def observed(row: Analysis) -> Outcome:
        logs.of_analysis(row.id)
        inference.observe(metrics)
        with (
            metrics.step(step) as measured,
            tracer.span(f"step {step}", Kind.internal, row.traceparent) as span,
        ):
            span.note("v2v.analysis_id", row.id)
            span.note("v2v.attempt", row.attempts)
            try:
                outcome = await work(row)
            except Problem as problem:
                measured.name = "failed" if problem.status < 500 else "error"
                raise
            measured.name = _named(step, outcome)
            span.note("v2v.outcome", measured.name)
            return outcome

    return observed


def _named(step: Step, outcome: Outcome) -> str:
    if outcome.changes.get("status") is Status.failed:
        return "failed"
    if outcome.step is not step:
        return "done"
    return "waiting" if outcome.progress else "again"


class ObservedProvider:
    """A provider whose calls are counted, timed and traced."""

    def __init__(self, inner: Provider, metrics: Metrics, tracer: Tracer) -> None:
        self._inner = inner
        self._metrics = metrics
        self._tracer = tracer

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def remote(self) -> bool:
        return self._inner.remote

    async def advance(self, request: Request, order: Order) -> Waiting | Transcript:
        return await self._observed(order.phase, self._inner.advance(request, order))

    async def forget(self, order: Order) -> None:
        await self._observed("forget", self._inner.forget(order))

    async def close(self) -> None:
        await self._inner.close()

    async def _observed(self, phase: str, call: Awaitable[T]) -> T:
        with (
            self._metrics.provider_call(self.name, phase) as measured,
            self._tracer.span(f"{self.name} {phase}", Kind.client) as span,
        ):
            try:
                answer = await call
            except Unavailable:
                measured.name = "unavailable"
                raise
            except Refused:
                measured.name = "refused"
                raise
            measured.name = "ok"
            span.note("v2v.outcome", measured.name)
            return answer


class ObservedPost:
    """A sender of callbacks whose attempts are counted, timed and traced. ``trace`` finds the ``traceparent`` of what a
    message tells of."""

    def __init__(
        self, inner: Post, trace: Callable[[str], Awaitable[str | None]], metrics: Metrics, tracer: Tracer
    ) -> None:
        self._inner = inner
        self._trace = trace
        self._metrics = metrics
        self._tracer = tracer

    async def send(self, url: str, message_id: str, body: bytes) -> Delivery:
        parent = await self._trace(message_id)
        with self._metrics.callback() as measured, self._tracer.span("callback", Kind.client, parent) as span:
            delivery = await self._inner.send(url, message_id, body)
            if delivery.delivered:
                measured.name = "delivered"
            elif delivery.status is not None:
                measured.name = "refused"
            span.note("v2v.outcome", measured.name)
            if delivery.status is not None:
                span.note("http.response.status_code", delivery.status)
            if not delivery.delivered:
                span.fail(measured.name)
            return delivery
