"""What the routes need of the running service."""

from collections.abc import Callable
from typing import Annotated, ParamSpec

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from service.observability import logs
from service.problems import UnknownAnalysis
from service.runtime import Runtime
from service.security.keys import Caller

P = ParamSpec("P")


async def _service(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.service
    return runtime


ServiceDep = Annotated[Runtime, Depends(_service)]


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


CallerDep = Annotated[Caller, Depends(_caller)]


async def _analysis_id(analysis_id: str) -> str:
    if "\0" in analysis_id:  # PostgreSQL refuses the question
        raise UnknownAnalysis(
            "There is no analysis with a NUL character in its id; GET /analyses lists those there are."
        )
    return analysis_id


async def _own_analysis_id(
    analysis_id: Annotated[str, Depends(_analysis_id)], service: ServiceDep, caller: CallerDep
) -> str:
    await service.store.check_owner(analysis_id, caller.tenant)
    logs.of_analysis(analysis_id)
    return analysis_id


AnyAnalysisId = Annotated[str, Depends(_analysis_id)]
"""Of whichever tenant; for those who prove in another way that they may know of it."""

AnalysisId = Annotated[str, Depends(_own_analysis_id)]
"""Of the caller's tenant. One of another tenant's is as unknown as one that never was."""


async def answer(
    limiter: CapacityLimiter | None, work: Callable[P, BaseModel], *args: P.args, **kwargs: P.kwargs
) -> Response:
    """What ``work`` comes to as JSON, both made in a worker thread; with ``limiter`` once there is room for it."""

    def content() -> str:
        return work(*args, **kwargs).model_dump_json()

    return Response(await anyio.to_thread.run_sync(content, limiter=limiter), media_type="application/json")
