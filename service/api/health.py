"""GET /healthz and GET /readyz."""

from fastapi import APIRouter

from service.api import problems
from service.api.deps import ServiceDep
from service.problems import NotReady
from service.schemas import Status

router = APIRouter(tags=["Operation"])


@router.get("/healthz", summary="Is the process alive?", responses=problems.responses())
async def healthz() -> Status:
    """Green while the service can answer at all. Restart it when this fails."""
    return Status(status="ok")


@router.get("/readyz", summary="Can it analyse?", responses=problems.responses(NotReady))
async def readyz(service: ServiceDep) -> Status:
    """Green when every model artefact was verified and loaded; else the problem names those that were not."""
    service.registry.require(*service.registry.entries)
    return Status(status="ready")
