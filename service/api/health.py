"""GET /healthz and GET /readyz."""

from fastapi import APIRouter

from service.api import problems
from service.api.deps import ServiceDep
from service.problems import NotReady
from service.schemas import Health

router = APIRouter(tags=["Operation"])


@router.get("/healthz", summary="Is the process alive?", responses=problems.responses())
async def healthz() -> Health:
    """Green while the service can answer at all. Restart it when this fails."""
    return Health(status="ok")


@router.get("/readyz", summary="Can it analyse?", responses=problems.responses(NotReady))
async def readyz(service: ServiceDep) -> Health:
    """Green when the models that every analysis needs were verified and loaded; else the problem names those that were
    not. A model that only requests name is not among them."""
    service.registry.require(*service.registry.required)
    return Health(status="ready")
