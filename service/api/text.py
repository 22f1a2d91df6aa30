"""POST /analyze-text."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from service import presentation
from service.analyses import compute
from service.api import problems
from service.api.deps import ServiceDep
from service.problems import Busy, InvalidRequest, NotReady, TooLarge, TooSlow, UnknownField
from service.requests import TextRequest
from service.schemas import TextAnalysis

router = APIRouter(tags=["Analyses"])

T = TypeVar("T")

# Up to here it takes less time to do it in the event loop than to hand it to a thread.
_FEW_CHARACTERS: Final = 1_000


@router.post(
    "/analyze-text",
    summary="Analyse text",
    response_model=TextAnalysis,
    responses=problems.responses(problems.BadRequest, TooSlow, TooLarge, InvalidRequest, UnknownField, NotReady, Busy),
)
async def analyze_text(texts: TextRequest, request: Request, service: ServiceDep) -> Response:
    """How a text reads: its sentiment, negative, neutral or positive, and its emotion, as a whole and by sentence.

    The emotions are Ekman's six and neutral; `fine_label` is the likeliest of the finer ones that the model knows.
    Nothing is left out: a text longer than the model takes is read in several `windows`, whose scores are averaged.

    A whole is read in one piece and is no mean of its sentences. Send a batch rather than a request for each text
    where you have many; where too many wait the answer is `503`, and `Retry-After` says when to come again.
    """

    async def computed(work: Callable[[], T]) -> T:
        if sum(map(len, texts.batch)) <= _FEW_CHARACTERS:
            return work()
        return await anyio.to_thread.run_sync(work, limiter=service.limiter)

    with service.texts.place(sum(map(len, texts.batch))):
        plan = await computed(lambda: compute.text_plan(texts, service.settings))
    models = service.registry.text()
    readings = await _unless_gone(request, service.texts.submit(plan.pieces))
    content = await computed(
        lambda: presentation.text_analysis(texts, plan.results(readings), models).model_dump_json()
    )
    return Response(content, media_type="application/json")


async def _unless_gone(request: Request, answer: asyncio.Future[T]) -> T:
    """``answer``; where the client hangs up before it is there, it is cancelled."""
    gone = asyncio.ensure_future(request.receive())  # once the body was read nothing else comes
    gone.add_done_callback(lambda _: answer.cancel())
    try:
        return await answer
    except asyncio.CancelledError:
        if gone.done():
            raise ClientDisconnect from None
        raise
    finally:
        gone.cancel()
