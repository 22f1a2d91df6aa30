"""Real answers for the OpenAPI document; ``python -m service.api.examples`` asks for them again."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
PROBLEMS: Final = "problems"


def read(name: str) -> Any:
    """The body that the operation ``name`` answered with, or ``PROBLEMS``: the problem documents by type."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def illustrate(openapi: dict[str, Any]) -> dict[str, Any]:
    """``openapi`` with an example in every response: by operation for a success, by type for a problem."""
    problems = read(PROBLEMS)
    for path in openapi["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                for media_type, content in response["content"].items():
                    if media_type == "application/json":
                        content["example"] = read(operation["operationId"])
                    for kind, example in content.get("examples", {}).items():
                        example["value"] = problems[kind]
    return openapi
