"""How one answer leads to the next request (OpenAPI's Link Object): what can be done with an analysis."""

from typing import Any, Final

_WITH_AN_ANALYSIS: Final = {
    "get_analysis": "Read it.",
    "follow_analysis": "Follow it.",
    "retry_analysis": "Try it again, where it failed or lacks its words.",
    "list_callbacks": "List its callbacks.",
    "redeliver_callbacks": "Deliver its callbacks again.",
    "delete_analysis": "Erase it.",
}


def of_analysis(pointer: str = "/id") -> dict[str, Any]:
    """The links of a response that has the id of an analysis at ``pointer``."""
    return {
        operation: {
            "operationId": operation,
            "parameters": {"analysis_id": f"$response.body#{pointer}"},
            "description": description,
        }
        for operation, description in _WITH_AN_ANALYSIS.items()
    }


def to_model(pointer: str) -> dict[str, Any]:
    """The link of a response that has the name of a model at ``pointer``."""
    return {
        "get_model": {
            "operationId": "get_model",
            "parameters": {"name": f"$response.body#{pointer}"},
            "description": "Read its card.",
        }
    }
