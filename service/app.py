"""The application factory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

import service
from service.api import (
    access,
    analyses,
    audio,
    events,
    examples,
    health,
    metrics,
    models,
    problems,
    reference,
    text,
    webhooks,
)
from service.api.access import Access
from service.api.limits import BodyLimit
from service.api.observed import Observed
from service.runtime import Ports, running
from service.settings import Settings

_DESCRIPTION: Final = """
Post the recording of a call and learn how the people on it *sounded*; post text and learn how it *reads*.

```
curl -F file=@call.wav -F channel_roles=customer,agent http://127.0.0.1:8000/analyze-audio
curl -H 'Content-Type: application/json' -d '{"text": "I have waited for three weeks."}' http://127.0.0.1:8000/analyze-text
```

- Times are milliseconds. Scores are calibrated probabilities that sum to 1.
- Every result names the model, its version and the sha256 of its weights; `GET /models/{name}` says what they
  were trained on, what that allows, and how well they do.
- Every error is `application/problem+json` (RFC 9457): a stable `type`, and a `detail` that says what to do.
- A call is stored before it is answered. While its words are still to come the answer is `202`, and `Location` says
  where the analysis will be complete: ask again, follow its events, or have a signed callback sent.
- The voice of a channel whose role is `agent` is not analysed unless the deployer turns that on.
"""

_TAGS: Final = [
    {"name": "Analyses", "description": "Call audio and text in, emotion and sentiment out."},
    {"name": "Models", "description": "Which weights gave an answer, and how far to trust them."},
    {"name": "Operation", "description": "Probes, and what each problem means."},
]


def create_app(settings: Settings, ports: Ports | None = None) -> FastAPI:
    """The service. Models are loaded and the database is opened when it starts, not here."""

    ports = ports or Ports()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, ports) as app.state.service:
            yield

    app = FastAPIOffline(
        redoc_url=None,
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},  # folded
        title="Voice to Value",
        summary="Voice and text emotion analysis that a CRM can run for itself.",
        description=_DESCRIPTION,
        version=service.__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=_TAGS,
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
        # FastAPI's own would tell of addresses and errors more than service.observability does.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(
        BodyLimit,
        default=settings.max_json_bytes,
        paths={"/analyze-audio": settings.max_upload_bytes},
        seconds=settings.body_seconds,
    )
    app.add_middleware(Access)
    routers = [
        resource.router for resource in (audio, text, analyses, events, models, health, metrics, reference, webhooks)
    ]
    routes = [route for router in routers for route in router.routes]
    app.add_middleware(Observed, new_id=ports.ambient.new_id, routes=routes)
    problems.install(app, routes)
    for router in routers:
        app.include_router(router)
    app.webhooks.include_router(webhooks.callbacks)

    def openapi() -> dict[str, Any]:
        return examples.illustrate(access.secured(FastAPI.openapi(app)))

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this as the way to extend it
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
