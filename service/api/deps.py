"""What the routes need of the running service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ParamSpec

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from service.inference.registry import Registry
from service.settings import Settings

P = ParamSpec("P")


@dataclass(frozen=True)
class Service:
    """The parts that live as long as the application. ``limiter`` bounds the analyses under way."""

    settings: Settings
    registry: Registry
    limiter: CapacityLimiter

    async def answer(self, use_case: Callable[P, BaseModel], *args: P.args, **kwargs: P.kwargs) -> Response:
        """The result of ``use_case`` as JSON, both made in a worker thread once there is room for it."""

        def work() -> str:
            return use_case(*args, **kwargs).model_dump_json()

        content = await anyio.to_thread.run_sync(work, limiter=self.limiter)
        return Response(content, media_type="application/json")


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
