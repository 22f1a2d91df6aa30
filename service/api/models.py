"""GET /models and GET /models/{name}."""

import anyio.to_thread
from fastapi import APIRouter

from service.api import links, problems
from service.api.deps import ServiceDep
from service.inference.registry import Entry
from service.problems import NotReady, UnknownModel
from service.schemas import ModelCard, ModelList, ModelState, ModelSummary

router = APIRouter(tags=["Models"])


@router.get(
    "/models",
    summary="List the models",
    responses={200: {"links": links.to_model("/models/0/name")}, **problems.responses()},
)
async def list_models(service: ServiceDep) -> ModelList:
    """Every model, with the version and the hash that results carry.

    Those that every analysis needs are loaded, or failed to. Any other speech or vocal burst model is `available` until
    the first request that names it, and its version and hash are not known before.
    """
    return ModelList(
        models=[
            ModelSummary(
                name=entry.name,
                task=entry.task,
                status=_state(entry),
                reason=entry.reason,
                version=entry.version,
                sha256=entry.sha256,
                labels={head: list(labels) for head, labels in entry.labels.items()},
            )
            for entry in service.registry.entries.values()
        ]
    )


@router.get(
    "/models/{name}",
    summary="Read a model's card",
    responses=problems.responses(UnknownModel, NotReady),
)
async def get_model(name: str, service: ServiceDep) -> ModelCard:
    """What the model was trained on, what its licence allows, and what it scores."""
    entry = await anyio.to_thread.run_sync(service.registry.entry, name)
    service.registry.require(name)
    return ModelCard.model_validate({**entry.card, "sha256": entry.sha256})


def _state(entry: Entry) -> ModelState:
    if entry.waits:
        return ModelState.available
    return ModelState.failed if entry.model is None else ModelState.loaded
