"""The charts, as Plotly figures of what the service answered: a few thousand points, however long the call is.

Times lie on a date axis, which shows minutes and seconds at every zoom, from the second day of 1970 on: Plotly takes
smaller numbers for years.
"""

from typing import Any, Final

CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "toImage", "autoScale2d", "sendDataToCloud"],
    "responsive": True,
}
"""How every chart behaves in the page."""

ORIGIN_MS: Final = 86_400_000
"""Where a call begins on the axis of time."""

MARGIN: Final = {"l": 8, "r": 8, "t": 8, "b": 8}

_HOUR_MS: Final = 3_600_000


def time_axis(duration_ms: float, start_ms: float = 0) -> dict[str, Any]:
    """The axis of a span of a call; hours are told where there are some."""
    hours = start_ms + duration_ms >= _HOUR_MS
    form = "%H:%M:%S" if hours else "%M:%S"
    return {
        "type": "date",
        "range": [ORIGIN_MS + start_ms, ORIGIN_MS + start_ms + duration_ms],
        "tickformat": form,
        "hoverformat": form,
    }
