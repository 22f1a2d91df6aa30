"""Messages between services: AssemblyAI's to this one, and this one's callbacks as the API document shows them."""

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import BaseModel

from service.api import problems
from service.api.deps import AnyAnalysisId, ServiceDep
from service.problems import Problem
from service.schemas import CallbackMessage
from service.transcription.assemblyai import WEBHOOK_HEADER, AssemblyAI

router = APIRouter(include_in_schema=False)
callbacks = APIRouter()


class RefusedWebhook(Problem):
    status = 403
    type = "refused-webhook"
    title = "The webhook is not ours"


class _Notification(BaseModel):
    transcript_id: str


@router.post("/webhooks/assemblyai/{analysis_id}", status_code=204, responses=problems.responses(RefusedWebhook))
async def assemblyai_webhook(
    analysis_id: AnyAnalysisId,
    notification: _Notification,
    service: ServiceDep,
    secret: Annotated[str | None, Header(alias=WEBHOOK_HEADER)] = None,
) -> None:
    """AssemblyAI says that a transcript is ready. What it says is not believed: the pipeline asks it now."""
    provider = service.providers.get("assemblyai")
    if not isinstance(provider, AssemblyAI) or not provider.accepts(analysis_id, secret):
        raise RefusedWebhook("The secret is not that of this analysis.")
    order = await service.store.order(analysis_id)
    # While the order is being placed its id is not known here yet, and the webhook may be faster.
    if order is None or order.remote_id not in (None, notification.transcript_id):
        raise RefusedWebhook("No transcript of this id is waited for.")
    await service.store.nudge(analysis_id)
    service.sweep.soon()


@callbacks.post(
    "callback",
    summary="What is sent to callback_url",
    operation_id="callback",
    tags=["Analyses"],
    status_code=204,
    response_description="Delivered, as with any 2xx within 15 seconds.",
    responses={"default": {"description": "Tried again for three days, but for 410, which ends it."}},
)
def callback(
    message: CallbackMessage,
    webhook_id: Annotated[str, Header(description="The same for every delivery of a message.")],
    webhook_timestamp: Annotated[int, Header(description="When it was sent, in seconds since 1970.")],
    webhook_signature: Annotated[str, Header(description="`v1,` and the signature, for each secret of the address.")],
) -> None:
    """Signed as Standard Webhooks 1.0 describes it. Nothing that was heard or said is in it: GET the analysis."""
