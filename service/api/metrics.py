"""GET /metrics, for Prometheus. It is no part of the API document: its form is that of Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from service.api.deps import ServiceDep
from service.observability.backlog import backlog

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(service: ServiceDep, accept: Annotated[str, Header()] = "") -> Response:
    """The metrics of this process, and what is left to do for all of them."""
    service.metrics.backlog(await backlog(service.database, service.pipeline.lane, service.store.ambient.now()))
    content, media_type = service.metrics.exposition(accept)
    return Response(content, media_type=media_type)
