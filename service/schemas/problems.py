"""What went wrong."""

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    field: str = Field(description="Where in the request, as `texts.0`.")
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="A stable reference; GET it for its meaning.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str
    status: int
    detail: str = Field(description="What is wrong here, and what to do.")
    instance: str | None = Field(default=None, description="The analysis that met it.")
    errors: list[FieldError] | None = Field(default=None, description="The fields that are wrong.")


class ProblemType(BaseModel):
    """What a problem's ``type`` refers to."""

    type: str
    title: str
    status: int
    example: ProblemDocument


class ProblemTypeList(BaseModel):
    problems: list[ProblemType]
