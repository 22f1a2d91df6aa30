"""POST /analyze-text."""

from fastapi import APIRouter, Response

from service.analyses import compute
from service.api import problems
from service.api.deps import ServiceDep, answer
from service.problems import InvalidRequest, NotReady, TooLarge, UnknownField
from service.requests import TextRequest
from service.schemas import TextAnalysis

router = APIRouter(tags=["Analyses"])


@router.post(
    "/analyze-text",
    summary="Analyse text",
    response_model=TextAnalysis,
    responses=problems.responses(problems.BadRequest, TooLarge, InvalidRequest, UnknownField, NotReady),
)
async def analyze_text(request: TextRequest, service: ServiceDep) -> Response:
    """Whether a text, and each sentence in it, is positive, neutral or negative."""
    return await answer(service.limiter, compute.analyze_text, request, service.registry, service.settings)
