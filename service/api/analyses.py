"""The analyses that were made: read, listed, erased, tried again, and their callbacks."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from service import crm, presentation
from service.analyses.rows import Analysis as Row
from service.analyses.states import ErasureReason, Status
from service.analyses.store import Filters
from service.analyses.tasks import Kind
from service.api import links, problems
from service.api.answers import RETRY_AFTER, ended
from service.api.deps import AnalysisId, CallerDep, ServiceDep, answer
from service.crm.hubspot import HubSpotCall
from service.crm.salesforce import SalesforceVoiceCall
from service.crm.zendesk import ZendeskTicket
from service.problems import ErasedAnalysis, InvalidRequest, NotRetryable, Problem, UnknownAnalysis
from service.requests import ExternalId
from service.schemas import Analysis, AnalysisList, CallbackList, ErasureList, ErasureReceipt, Progress

router = APIRouter(tags=["Analyses"])

_GONE = (UnknownAnalysis, ErasedAnalysis)
_ERASED_AT_A_TIME: Final = 100
_ID: Final = re.compile("an_[0-9a-z]{26}")


def _no_number(text: str) -> str:
    if not re.match(r"\d{4}-\d\d-\d\d", text):  # pydantic would take 0.5 for half a second after 1970 began
        raise ValueError("send a time such as 2026-01-31T08:00:00Z")
    return text


Time = Annotated[datetime, BeforeValidator(_no_number)]


class NotCompleted(Problem):
    status = 409
    type = "not-completed"
    title = "The analysis is not completed"


@router.get(
    "/analyses",
    summary="List analyses",
    responses={200: {"links": links.of_analysis("/analyses/0/id")}, **problems.responses(InvalidRequest)},
)
async def list_analyses(
    service: ServiceDep,
    caller: CallerDep,
    status: Annotated[Status | None, Query(description="Only those in this state.")] = None,
    external_id: Annotated[ExternalId | None, Query(max_length=200, description="Only those with your own id.")] = None,
    created_from: Annotated[Time | None, Query(description="Only those made at this time or later.")] = None,
    created_to: Annotated[Time | None, Query(description="Only those made before this time.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at a time.")] = 20,
    cursor: Annotated[str | None, Query(max_length=100, description="Where to go on: use `next`.")] = None,
) -> AnalysisList:
    """The newest first, without what was found in them."""
    filters = Filters(
        tenant=caller.tenant,
        status=status,
        external_id=external_id,
        created_from=_milliseconds(created_from),
        created_to=_milliseconds(created_to),
        before=_position(cursor),
    )
    rows = await service.store.page(filters, limit + 1)
    following = None
    if len(rows) > limit:
        given = {
            "status": status,
            "external_id": external_id,
            "created_from": created_from and created_from.isoformat(),
            "created_to": created_to and created_to.isoformat(),
            "limit": limit,
            "cursor": urlsafe_b64encode(rows[limit - 1].id.encode()).decode(),
        }
        following = "/analyses?" + urlencode({name: value for name, value in given.items() if value is not None})
    return AnalysisList(analyses=[presentation.summary(row) for row in rows[:limit]], next=following)


@router.get(
    "/analyses/{analysis_id}",
    summary="Read an analysis",
    response_model=Analysis | HubSpotCall | SalesforceVoiceCall | ZendeskTicket,
    responses={200: {"links": links.of_analysis()}, **problems.responses(*_GONE, NotCompleted, InvalidRequest)},
)
async def get_analysis(
    analysis_id: AnalysisId,
    service: ServiceDep,
    format_: Annotated[
        crm.Format | None,
        Query(
            alias="format",
            description="Answer with the body of the request that logs the call in this CRM, once the analysis is "
            "completed. What only the caller knows is taken from `metadata`, and left out where it is not there: "
            "`from_number`, `to_number`, `direction` (`inbound` or `outbound`), `started_at`, `recording_url`, "
            "`agent_id` (the CRM's) and `vendor_call_key`.",
        ),
    ] = None,
) -> Response:
    """What is known by now. `Retry-After` is there as long as more is on its way."""
    row = await service.store.get(analysis_id)
    results = await service.store.results(analysis_id)
    presented = partial(presentation.analysis, row, results, service.settings.rules)
    if format_ is not None:
        _check_completed(row)
        return await answer(None, lambda: crm.payload(presented(), format_))
    response = await answer(None, presented)
    if not ended(row):
        response.headers["Retry-After"] = RETRY_AFTER
    return response


@router.delete(
    "/analyses/{analysis_id}",
    summary="Erase an analysis",
    responses={200: {"links": links.of_analysis()}, **problems.responses(UnknownAnalysis)},
)
async def delete_analysis(analysis_id: AnalysisId, service: ServiceDep) -> ErasureReceipt:
    """Remove all that is known of a call, the recording and the transcription provider's copy included.

    A receipt without content stays. Erasing once more answers with it again; `provider_erased_at` appears in it when
    the provider has deleted its copy.
    """
    receipt = await service.store.erase(analysis_id, ErasureReason.request)
    service.watch.announce(analysis_id)
    service.sweep.soon()
    return presentation.receipt(receipt)


@router.delete("/analyses", summary="Erase all analyses of a call", responses=problems.responses(InvalidRequest))
async def delete_analyses(
    service: ServiceDep,
    caller: CallerDep,
    external_id: Annotated[ExternalId, Query(max_length=200, description="Your own id, which all of them have.")],
) -> ErasureList:
    """Remove all that is known of what you know under this id, as if each were erased alone.

    The receipts of these are answered; of what was erased before there is nothing to tell, as a receipt does not hold
    the id. Texts are not kept in the first place.
    """
    mine = Filters(tenant=caller.tenant, external_id=external_id)
    receipts = []
    while rows := await service.store.page(mine, _ERASED_AT_A_TIME):
        for row in rows:
            receipts.append(await service.store.erase(row.id, ErasureReason.request))
            service.watch.announce(row.id)
    service.sweep.soon()
    return ErasureList(receipts=[presentation.receipt(receipt) for receipt in receipts])


@router.post(
    "/analyses/{analysis_id}/retry",
    summary="Try a failed analysis again",
    status_code=202,
    responses={202: {"links": links.of_analysis()}, **problems.responses(*_GONE, NotRetryable)},
)
async def retry_analysis(analysis_id: AnalysisId, service: ServiceDep) -> Progress:
    """Begin anew with the step that failed, or with the words that are missing, while the recording is kept."""
    row = await service.store.retry(analysis_id)
    await service.tasks.hand_over(Kind.analysis, row.id, service.pipeline.lane(row.step, row.provider))
    return presentation.progress(row)


@router.get(
    "/analyses/{analysis_id}/callbacks",
    summary="List the callbacks of an analysis",
    responses=problems.responses(*_GONE),
)
async def list_callbacks(analysis_id: AnalysisId, service: ServiceDep) -> CallbackList:
    """What the caller was told of it, and every try to do so."""
    row = await service.store.get(analysis_id)
    return presentation.callbacks(await service.outbox.of(row.id))


@router.post(
    "/analyses/{analysis_id}/callbacks/redeliver",
    summary="Deliver the callbacks of an analysis again",
    status_code=202,
    responses=problems.responses(*_GONE),
)
async def redeliver_callbacks(analysis_id: AnalysisId, service: ServiceDep) -> CallbackList:
    """Send all of them once more, with the same ids."""
    row = await service.store.get(analysis_id)
    await service.outbox.redeliver(row.id)
    due = presentation.callbacks(await service.outbox.of(row.id))
    service.sweep.soon()
    return due


def _check_completed(row: Row) -> None:
    """Raises: NotCompleted: there is nothing, or not all, to be logged."""
    if row.status is Status.failed:
        raise NotCompleted(
            f"The analysis {row.id} failed; GET /analyses/{row.id} without format says why, and "
            f"POST /analyses/{row.id}/retry tries again where that can help."
        )
    if row.status is not Status.completed:
        raise NotCompleted(
            f"The analysis {row.id} is still under way; ask again when the callback analysis.completed has come, or "
            f"when GET /analyses/{row.id} says completed."
        )


def _milliseconds(time: datetime | None) -> int | None:
    """Raises: InvalidRequest: the time has no zone."""
    if time is None:
        return None
    if time.tzinfo is None:
        raise InvalidRequest("A time needs its zone, such as 2026-01-31T08:00:00Z.")
    return round(1000 * time.timestamp())


def _position(cursor: str | None) -> str | None:
    """Raises: InvalidRequest: the cursor is none of ours."""
    if cursor is None:
        return None
    try:
        position = urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError):
        position = ""
    if not _ID.fullmatch(position):
        raise InvalidRequest("The cursor is not one of this service; follow next as it stands.")
    return position
