"""Spans by OpenTelemetry's SDK, with a provider of their own, so that a process can have several."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service import __version__
from service.observability.traces import Kind, Span, Value, current

_KINDS: Final = {
    Kind.server: trace.SpanKind.SERVER,
    Kind.client: trace.SpanKind.CLIENT,
    Kind.internal: trace.SpanKind.INTERNAL,
}
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def over_http(endpoint: str) -> SpanExporter:
    """To the collector at ``endpoint``, its address without a path (OTLP/HTTP); the usual ``OTEL_EXPORTER_OTLP_``
    variables say what else it needs, such as headers."""
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR)


class OpenTelemetry:
    """A :class:`~service.observability.traces.Tracer` that hands its spans to ``exporter`` in the background."""

    def __init__(self, exporter: SpanExporter) -> None:
        resource = Resource.create({"service.name": "voice-to-value", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("voice-to-value", __version__)

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None = None) -> Iterator[Span]:
        """As the port says."""
        context = _PROPAGATOR.extract({"traceparent": parent}, Context()) if parent else None
        with self._tracer.start_as_current_span(
            name, context, _KINDS[kind], record_exception=False, set_status_on_exception=False
        ) as opened:
            span = _Span(opened)
            carrier: dict[str, str] = {}
            _PROPAGATOR.inject(carrier)
            token = current.set(carrier.get("traceparent"))
            try:
                yield span
            except Exception as error:
                span.fail(type(error).__qualname__)
                raise
            finally:
                current.reset(token)

    def close(self) -> None:
        self._provider.shutdown()
