"""GET /analyses/{analysis_id}/events: progress while it happens."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service import presentation
from service.analyses.rows import Analysis
from service.api import problems
from service.api.answers import ended
from service.api.deps import AnalysisId, CallerDep, ServiceDep
from service.problems import ErasedAnalysis, UnknownAnalysis

router = APIRouter(tags=["Analyses"])


async def _analysis(analysis_id: AnalysisId, service: ServiceDep) -> Analysis:
    return await service.store.get(analysis_id)


@router.get(
    "/analyses/{analysis_id}/events",
    summary="Follow an analysis",
    response_class=EventSourceResponse,
    responses=problems.responses(UnknownAnalysis, ErasedAnalysis),
)
async def follow_analysis(
    row: Annotated[Analysis, Depends(_analysis)], service: ServiceDep, caller: CallerDep
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: one `progress` with each change and at the beginning, then one `end`, and the stream closes.

    The data is a `Progress` object; read the analysis itself with GET. A client that reconnects is told how it stands.
    """
    told = None
    with service.watch.on(row.id) as watcher:
        # Whose key is revoked meanwhile is told nothing more, and the reason when they reconnect.
        while not service.stopping.is_set() and await service.keyring.counts(caller):
            try:
                row = await service.store.get(row.id)
            except ErasedAnalysis:
                return  # who reconnects is told
            over = ended(row)
            if row.revision != told:
                kind = "end" if over else "progress"
                yield ServerSentEvent(data=presentation.progress(row), event=kind, id=str(row.revision))
                told = row.revision
            if over:
                return
            await watcher.change(seconds=30)
