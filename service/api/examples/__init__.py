"""Real answers for the OpenAPI document; ``python -m tests.examples`` asks for them again."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
PROBLEMS: Final = "problems"


def read(name: str) -> Any:
    """The body ``name``, as :func:`illustrate` names them, or ``PROBLEMS``: the problem documents by type."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def read_stream(name: str) -> str:
    """The server-sent events of the operation ``name``."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def illustrate(openapi: dict[str, Any]) -> dict[str, Any]:
    """``openapi`` with an example in every response: by operation for a success, by type for a problem.

    A success that is not the first of its operation has its status in the name of its example too.
    """
    problems = read(PROBLEMS)
    for path in openapi["paths"].values():
        for operation in path.values():
            first = min(operation["responses"])
            for status, response in operation["responses"].items():
                name = operation["operationId"] if status == first else f"{operation['operationId']}_{status}"
                for media_type, content in response["content"].items():
                    if media_type == "application/json":
                        content["example"] = read(name)
                    elif media_type == "text/event-stream":
                        # FastAPI describes the single events, as OpenAPI 3.2 can.
                        content.clear()
                        content |= {"schema": {"type": "string"}, "example": read_stream(name)}
                    for kind, example in content.get("examples", {}).items():
                        example["value"] = problems[kind]
    return openapi
