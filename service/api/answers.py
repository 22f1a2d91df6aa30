"""An analysis as an answer: complete, on its way, or failed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from fastapi import Response

from service import presentation
from service.analyses.rows import Analysis
from service.analyses.states import Status, Step, WordsStatus
from service.api.deps import answer
from service.api.headers import Preferences, applied
from service.api.problems import MEDIA_TYPE
from service.runtime import Runtime
from service.schemas import ProblemDocument

RETRY_AFTER: Final = "2"


def heard(row: Analysis) -> bool:
    """The acoustic result is there, or will never be."""
    return row.step not in (Step.fetch, Step.acoustics) or row.status is Status.failed


def ended(row: Analysis) -> bool:
    """All that can be had now is there."""
    return row.status in (Status.completed, Status.failed) and row.words is not WordsStatus.pending


async def waited(service: Runtime, row: Analysis, until: Callable[[Analysis], bool], seconds: float) -> Analysis:
    """The analysis once it has come that far, or as it is after ``seconds``."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with service.watch.on(row.id) as watcher:
        while True:
            row = await service.store.get(row.id)
            left = end - loop.time()
            if until(row) or left <= 0 or service.stopping.is_set():
                return row
            await watcher.change(left)


async def present(service: Runtime, row: Analysis, preferences: Preferences | None = None) -> Response:
    """200 with all that was asked for, or 202 with what there is. A failed one is its problem."""
    headers = {"Location": f"/analyses/{row.id}"}
    if preferences and (honoured := applied(preferences)):
        headers["Preference-Applied"] = honoured
    if row.problem is not None:
        return _failed(row, row.problem, headers)
    results = await service.store.results(row.id)
    response = await answer(None, presentation.analysis, row, results, service.settings.rules)
    if not ended(row):
        response.status_code = 202
        headers["Retry-After"] = RETRY_AFTER
    response.headers.update(headers)
    return response


def _failed(row: Analysis, problem: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    document = ProblemDocument.model_validate({**problem, "instance": f"/analyses/{row.id}"})
    content = document.model_dump_json(exclude_unset=True)
    return Response(content, document.status, headers, media_type=MEDIA_TYPE)
