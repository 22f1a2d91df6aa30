"""GET /problems and GET /problems/{name}: what the ``type`` of a problem refers to."""

from fastapi import APIRouter

from service.api import examples, problems
from service.schemas import ProblemType, ProblemTypeList

router = APIRouter(tags=["Operation"])


def _reference() -> dict[str, ProblemType]:
    documents = examples.read(examples.PROBLEMS)
    return {
        kind.type: ProblemType(
            type=f"/problems/{kind.type}",
            title=kind.title,
            status=kind.status,
            example=documents[kind.type],
        )
        for kind in problems.kinds()
    }


@router.get("/problems", summary="List the problem types", responses=problems.responses())
async def list_problems() -> ProblemTypeList:
    """Every `type` that a problem of this service can have."""
    return ProblemTypeList(problems=list(_reference().values()))


@router.get(
    "/problems/{name}",
    summary="Explain a problem type",
    responses=problems.responses(problems.NotFound),
)
async def get_problem(name: str) -> ProblemType:
    """The meaning of one `type`, with a real example."""
    reference = _reference()
    if name not in reference:
        raise problems.NotFound(f"There is no problem type {name!r}; GET /problems lists them.")
    return reference[name]
