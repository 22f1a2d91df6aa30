"""Spans across the service and its workers. Without ``V2V_OTLP_ENDPOINT`` there are none, and no library is loaded.

A span tells what was done and how it ended: kinds, ids and numbers, neither words nor addresses.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from service.settings import Settings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

Value = str | int

current: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""The span that is open here as a ``traceparent`` (W3C Trace Context), for what is to be done elsewhere."""


class Kind(StrEnum):
    server = "server"
    client = "client"
    internal = "internal"


class Span(Protocol):
    """A span that is open."""

    def name(self, name: str) -> None:
        """Call it so; it is not known at the beginning what a request asks for."""

    def note(self, name: str, value: Value) -> None:
        """Set an attribute."""

    def fail(self, kind: str) -> None:
        """It ends with an error of this kind."""


class Tracer(Protocol):
    """Opens spans."""

    def span(self, name: str, kind: Kind, parent: str | None = None) -> AbstractContextManager[Span]:
        """A span for what is done within.

        An exception that leaves it is its error, by its type; ``parent`` is a ``traceparent``, and without one the
        span that is open here. One that is malformed begins a trace.
        """

    def close(self) -> None:
        """Send what was not sent yet."""


class _NoSpan:
    def name(self, name: str) -> None: ...
    def note(self, name: str, value: Value) -> None: ...
    def fail(self, kind: str) -> None: ...


class Silent:
    """A tracer of nothing."""

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None = None) -> Iterator[Span]:
        yield _NoSpan()

    def close(self) -> None: ...


def open_tracer(settings: Settings, exporter: "SpanExporter | None") -> Tracer:
    """The tracer of a process, which sends to ``exporter`` or where the settings say.

    Raises:
        SettingsError: the address is none, or the extra is not installed.
    """
    endpoint = settings.otlp_endpoint
    if not endpoint and exporter is None:
        return Silent()
    if endpoint and (urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname):
        raise SettingsError("V2V_OTLP_ENDPOINT: give the address of a collector such as http://collector:4318")
    try:
        from service.observability.otel import OpenTelemetry, over_http
    except ImportError:
        raise SettingsError("V2V_OTLP_ENDPOINT needs the extra otel: pip install 'voice-to-value[otel]'") from None
    return OpenTelemetry(exporter or over_http(endpoint))
