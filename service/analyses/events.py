"""What a callback says: that something happened, to which analysis; what was heard is fetched with GET."""

import json
from datetime import UTC, datetime

from service.analyses.rows import Analysis
from service.analyses.states import Event


def event_body(row: Analysis, event: Event, now: int) -> str:
    """The JSON of the callback, in the shape that Standard Webhooks recommends."""
    return json.dumps(
        {
            "type": event,
            "timestamp": datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds"),
            "data": {
                "id": row.id,
                "status": row.status,
                "external_id": row.external_id,
                "metadata": row.options.get("metadata"),
                "transcript": {"status": row.words, "reason": row.words_reason},
                "problem": row.problem,
                "url": f"/analyses/{row.id}",
            },
        },
        ensure_ascii=False,
    )
