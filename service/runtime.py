"""The parts that live as long as a process, wired in one place: for the service, the worker, and tests."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio.to_thread
import httpx2
from anyio import CapacityLimiter

from service.analyses.ambient import Ambient
from service.analyses.audio_files import AudioFiles
from service.analyses.callbacks import Sender
from service.analyses.database import Database, open_database
from service.analyses.housekeeping import Housekeeping
from service.analyses.intake import Intake
from service.analyses.outbox import Outbox, traceparent
from service.analyses.pipeline import Lane, Pipeline
from service.analyses.recordings import Recordings
from service.analyses.repeat import Repeat
from service.analyses.steps import Steps
from service.analyses.store import Store
from service.analyses.tasks import Kind, Tasks, brokers
from service.analyses.watch import Watch
from service.audio.decode import Limits
from service.inference.batching import Batching
from service.inference.passages import Reading
from service.inference.registry import Registry
from service.observability import inference
from service.observability.metrics import Metrics
from service.observability.ports import ObservedPost, ObservedProvider, observed_step
from service.observability.traces import Tracer, open_tracer
from service.security import outgoing
from service.security.keyring import Keyring
from service.security.rates import Rates
from service.settings import Settings, SettingsError
from service.transcription import Provider
from service.transcription.assemblyai import AssemblyAI
from service.transcription.local import Local

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

DRAIN_SECONDS: Final = 25
_PURGE_SECONDS: Final = 60
_SWEEP_SECONDS: Final = 1
_LOOK_SECONDS: Final = 0.25
_IO_ROOM: Final = 32
_AGAIN_LEASES: Final = 4


@dataclass(frozen=True)
class Ports:
    """Where a process touches the outside. Tests hand in their own.

    Attributes:
        provider: carries requests to a transcription provider; None for the network.
        callers: carries requests to addresses that callers give, once these are checked; None for the network.
        resolve: finds the addresses of a host.
        spans: takes the traces; None where the settings say to whom they go.
    """

    ambient: Ambient = field(default_factory=Ambient)
    provider: httpx2.AsyncBaseTransport | None = None
    callers: httpx2.AsyncBaseTransport | None = None
    resolve: outgoing.Resolver = outgoing.system
    spans: "SpanExporter | None" = None


@dataclass
class Runtime:
    """A process. ``limiter`` bounds its CPU work; ``stopping`` is set when it is asked to end."""

    settings: Settings
    registry: Registry
    limiter: CapacityLimiter
    texts: Batching[Reading]
    providers: Mapping[str, Provider]
    database: Database
    store: Store
    watch: Watch
    pipeline: Pipeline
    outbox: Outbox
    housekeeping: Housekeeping
    intake: Intake
    keyring: Keyring
    rates: Rates
    tasks: Tasks
    sweep: Repeat
    metrics: Metrics
    tracer: Tracer
    stopping: asyncio.Event
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def stop(self) -> None:
        """Begin nothing new: requests that wait are answered, steps that run are ended."""
        self.stopping.set()
        self.pipeline.stopping = True
        self.watch.wake_all()


@asynccontextmanager
async def running(settings: Settings, ports: Ports) -> AsyncIterator[Runtime]:
    """A process with its background work. At the end what has begun is ended first.

    Raises:
        SettingsError: a setting cannot be used.
    """
    async with AsyncExitStack() as stack:
        runtime = await _wire(settings, ports, stack)
        await (runtime.database.migrate() if settings.migrate else runtime.database.check())
        if not settings.broker_url.get_secret_value():
            await runtime.tasks.hand_over_all()
        # At the end, from the last of these to the first, nothing more is handed over and what has begun is ended.
        stack.push_async_callback(runtime.tasks.drain, DRAIN_SECONDS)
        await stack.enter_async_context(runtime.texts.running())
        for background in (
            runtime.sweep,
            Repeat(runtime.watch.look, _LOOK_SECONDS),
            Repeat(runtime.housekeeping.purge, _PURGE_SECONDS),
        ):
            await stack.enter_async_context(background.running())
        stack.callback(runtime.stop)
        yield runtime


async def _wire(settings: Settings, ports: Ports, stack: AsyncExitStack) -> Runtime:
    registry = await anyio.to_thread.run_sync(
        Registry.load, settings.models_dir, settings.text_models, settings.emotion_models
    )
    limiter = CapacityLimiter(settings.concurrency)
    metrics, tracer = Metrics(), open_tracer(settings, ports.spans)
    stack.push_async_callback(anyio.to_thread.run_sync, tracer.close)
    database = open_database(settings)
    stack.push_async_callback(database.close)
    providers = _providers(settings, limiter, ports)
    for provider in providers.values():
        stack.push_async_callback(provider.close)
    try:
        policy = outgoing.Policy(frozenset(settings.allowed_hosts))
    except ValueError as error:
        raise SettingsError(f"V2V_ALLOWED_HOSTS: {error}") from None
    client = await stack.enter_async_context(outgoing.client(policy, ports.callers, ports.resolve))
    lease_ms = round(1000 * settings.lease_seconds)
    files = AudioFiles(settings.audio_store or settings.data_dir / "audio")
    store = Store(database, Recordings(files), ports.ambient, lease_ms)
    watch = Watch(database)
    sender = Sender(client, settings.callback_secrets, ports.ambient.now)
    post = ObservedPost(sender, partial(traceparent, database), metrics, tracer)
    outbox = Outbox(database, post, ports.ambient)
    observed = {name: ObservedProvider(provider, metrics, tracer) for name, provider in providers.items()}
    housekeeping = Housekeeping(store, observed, settings.result_retention_days)
    steps = Steps(store, registry, settings, limiter, observed, client)
    pipeline = Pipeline(store, steps, observed, watch)
    pipeline.steps = {step: observed_step(step, work, metrics, tracer) for step, work in pipeline.steps.items()}

    def read(pieces: Sequence[str]) -> Sequence[Reading]:
        inference.observe(metrics)
        return registry.text().read(pieces)

    async def deliver(key: str) -> Lane | None:
        await outbox.deliver(key)
        return None

    async def forget(key: str) -> Lane | None:
        await housekeeping.forget(key)
        return None

    stopping = asyncio.Event()
    tasks = Tasks(
        brokers(settings, stopping),
        {Kind.analysis: pipeline.run, Kind.callback: deliver, Kind.order: forget},
        lambda row: pipeline.lane(row.step, row.provider),
        {Lane.cpu: settings.concurrency, Lane.io: _IO_ROOM},
        database,
        ports.ambient,
        again_ms=_AGAIN_LEASES * lease_ms,
        stopping=stopping,
    )
    sweep = Repeat(tasks.sweep, _SWEEP_SECONDS)
    pipeline.on_event = sweep.soon
    stack.push_async_callback(tasks.close)
    return Runtime(
        settings=settings,
        registry=registry,
        limiter=limiter,
        texts=Batching(
            read,
            limiter,
            room=settings.text_queue,
            clock=lambda: ports.ambient.now() / 1000,
        ),
        providers=providers,
        database=database,
        store=store,
        watch=watch,
        pipeline=pipeline,
        outbox=outbox,
        housekeeping=housekeeping,
        intake=Intake(store, registry, providers, policy, settings.callback_secrets),
        keyring=Keyring(database, ports.ambient, settings),
        rates=Rates(database, ports.ambient, settings),
        tasks=tasks,
        sweep=sweep,
        metrics=metrics,
        tracer=tracer,
        stopping=stopping,
    )


def _providers(settings: Settings, limiter: CapacityLimiter, ports: Ports) -> dict[str, Provider]:
    """What is configured, in the order in which ``auto`` prefers it."""
    providers: list[Provider] = []
    if settings.assemblyai_api_key.get_secret_value():
        providers.append(
            AssemblyAI(
                api_key=settings.assemblyai_api_key,
                base_url=settings.assemblyai_base_url,
                speech_models=settings.assemblyai_speech_models,
                redact_pii=settings.assemblyai_redact_pii,
                public_url=settings.public_url,
                transport=ports.provider,
                clock=lambda: ports.ambient.now() / 1000,
            )
        )
    if settings.local_asr_model:
        limits = Limits(settings.max_audio_seconds, settings.max_channels)
        providers.append(Local(model=settings.local_asr_model, limits=limits, limiter=limiter))
    return {provider.name: provider for provider in providers}
