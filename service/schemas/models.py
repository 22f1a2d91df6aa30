"""The models, and whether the service is well."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.common import ModelVersion


class ModelState(StrEnum):
    """`available` is what the first request that names it loads."""

    loaded = "loaded"
    available = "available"
    failed = "failed"


class ModelSummary(BaseModel):
    name: str
    task: str
    status: ModelState
    reason: str | None = Field(description="Why it cannot be loaded.")
    version: str | None = Field(description="Known once the artefact is verified.")
    sha256: str | None = Field(description="Of the ONNX file; checked before it is loaded.")
    labels: dict[str, list[str]] = Field(description="What it tells apart, by what it tells: `emotion`, `sentiment`.")


class ModelList(BaseModel):
    models: list[ModelSummary]


class ModelCard(ModelVersion):
    """The card of a model: what it was trained on, what that allows, and what it scores."""

    model_config = ConfigDict(extra="allow")


class Health(BaseModel):
    status: str
