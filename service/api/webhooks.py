"""POST /webhooks/assemblyai/{analysis_id}: AssemblyAI says that a transcript is ready.

The message is only a hint. What it says is not believed; the pipeline asks AssemblyAI itself.
"""

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import BaseModel

from service.api import problems
from service.api.deps import ServiceDep
from service.problems import Problem
from service.transcription.assemblyai import WEBHOOK_HEADER, AssemblyAI

router = APIRouter(include_in_schema=False)


class RefusedWebhook(Problem):
    status = 403
    type = "refused-webhook"
    title = "The webhook is not ours"


class _Notification(BaseModel):
    transcript_id: str


@router.post("/webhooks/assemblyai/{analysis_id}", status_code=204, responses=problems.responses(RefusedWebhook))
async def assemblyai_webhook(
    analysis_id: str,
    notification: _Notification,
    service: ServiceDep,
    secret: Annotated[str | None, Header(alias=WEBHOOK_HEADER)] = None,
) -> None:
    """Have the pipeline look at the transcript now."""
    provider = service.providers.get("assemblyai")
    if not isinstance(provider, AssemblyAI) or not provider.accepts(analysis_id, secret):
        raise RefusedWebhook("The secret is not that of this analysis.")
    order = await service.store.order(analysis_id)
    # While the order is being placed its id is not known here yet, and the webhook may be faster.
    if order is None or order.remote_id not in (None, notification.transcript_id):
        raise RefusedWebhook("No transcript of this id is waited for.")
    await service.store.nudge(analysis_id)
    service.sweep.soon()
