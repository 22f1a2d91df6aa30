"""The metrics of one process, as Prometheus reads them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, start_http_server
from prometheus_client.exposition import choose_encoder

from service import __version__
from service.observability.backlog import Backlog
from service.settings import SettingsError

_HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WORK_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_CONFIDENCE_BUCKETS: Final = tuple(tenth / 10 for tenth in range(1, 11))


class Outcome:
    """How something that is observed ends; ``error`` unless it is said."""

    def __init__(self) -> None:
        self.name = "error"


class Metrics:
    """All instruments, in a ``registry`` of their own. Labels are drawn from what the service knows, never from what a
    caller sends, so that they neither grow without end nor tell anything of anybody. Threads may use it at once."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("v2v_build", "The version that runs.", registry=registry).info({"version": __version__})
        self._http = Histogram(
            "v2v_http_request_seconds",
            "Requests by method, route and status, and how long they took.",
            ("method", "route", "status"),
            buckets=_HTTP_BUCKETS,
            registry=registry,
        )
        self._queue = Gauge(
            "v2v_queue",
            "Rows with work left, of all processes: due now, being worked on, or waiting for their time.",
            ("work", "lane", "state"),
            registry=registry,
        )
        self._queue_age = Gauge(
            "v2v_queue_age_seconds",
            "How long the oldest row that is due has been so.",
            ("work", "lane"),
            registry=registry,
        )
        self._steps = Histogram(
            "v2v_step_seconds",
            "Steps of analyses by outcome: done, waiting, again, failed or error.",
            ("step", "outcome"),
            buckets=_WORK_BUCKETS,
            registry=registry,
        )
        self._inference = Histogram(
            "v2v_inference_seconds",
            "Stages of analyses, by the model at work.",
            ("stage", "model"),
            buckets=_WORK_BUCKETS,
            registry=registry,
        )
        self._provider = Histogram(
            "v2v_provider_call_seconds",
            "Calls of transcription providers, by the phase of the order and outcome: ok, unavailable, refused, error.",
            ("provider", "phase", "outcome"),
            buckets=_WORK_BUCKETS,
            registry=registry,
        )
        self._callbacks = Histogram(
            "v2v_callback_seconds",
            "Attempts to deliver a callback by outcome: delivered, refused (an answer that is no 2xx) or error.",
            ("outcome",),
            buckets=_HTTP_BUCKETS,
            registry=registry,
        )
        self._audio = Counter("v2v_audio_seconds", "Seconds of recordings that were analysed.", registry=registry)
        self._predictions = Counter(
            "v2v_predictions", "Likeliest labels, by model and head.", ("model", "head", "label"), registry=registry
        )
        self._confidence = Histogram(
            "v2v_confidence",
            "Probability of the likeliest label.",
            ("model", "head"),
            buckets=_CONFIDENCE_BUCKETS,
            registry=registry,
        )
        self._abstentions = Counter(
            "v2v_abstentions", "Segments whose label is better not relied on.", ("model", "reason"), registry=registry
        )

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The page that Prometheus reads in the form that ``accept`` prefers, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request to ``route``, the template of its path, was answered."""
        self._http.labels(method, route, status).observe(seconds)

    def backlog(self, rows: Sequence[Backlog]) -> None:
        """What is left to do, in place of what was left before."""
        self._queue.clear()
        self._queue_age.clear()
        for row in rows:
            self._queue.labels(row.work, row.lane, row.state).set(row.number)
            if row.overdue_ms is not None:
                self._queue_age.labels(row.work, row.lane).set(row.overdue_ms / 1000)

    @contextmanager
    def step(self, name: str) -> Iterator[Outcome]:
        with _timed(self._steps, name) as outcome:
            yield outcome

    @contextmanager
    def provider_call(self, provider: str, phase: str) -> Iterator[Outcome]:
        with _timed(self._provider, provider, phase) as outcome:
            yield outcome

    @contextmanager
    def callback(self) -> Iterator[Outcome]:
        with _timed(self._callbacks) as outcome:
            yield outcome

    def took(self, stage: str, model: str, seconds: float) -> None:
        self._inference.labels(stage, model).observe(seconds)

    def predicted(self, model: str, head: str, label: str, confidence: float) -> None:
        self._predictions.labels(model, head, label).inc()
        self._confidence.labels(model, head).observe(confidence)

    def abstained(self, model: str, reason: str) -> None:
        self._abstentions.labels(model, reason).inc()

    def listened(self, seconds: float) -> None:
        self._audio.inc(seconds)


@contextmanager
def _timed(instrument: Histogram, *labels: str) -> Iterator[Outcome]:
    began, outcome = perf_counter(), Outcome()
    try:
        yield outcome
    finally:
        instrument.labels(*labels, outcome.name).observe(perf_counter() - began)


@contextmanager
def shown(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Within it ``http://host:port/metrics`` shows ``metrics``, for a process that answers nothing else.

    Returns:
        The port; that which was free, for port 0.

    Raises:
        SettingsError: the port cannot be had.
    """
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise SettingsError(f"V2V_METRICS_PORT={port}: {error.strerror}") from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
