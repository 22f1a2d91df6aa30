"""What the caller knows of a call and no recording tells, as it stands in the ``metadata`` of the request."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from service.schemas import Analysis


class Direction(StrEnum):
    """Who called, as the company sees it."""

    inbound = "inbound"
    outbound = "outbound"


class Facts(BaseModel):
    """The names in ``metadata``. What stands under one of them in another form is the caller's own, and not read."""

    model_config = ConfigDict(coerce_numbers_to_str=True, use_attribute_docstrings=True)

    from_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Who called, such as `+14155550100`."""

    to_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Who was called."""

    direction: Direction | None = None
    """`inbound` where the customer called, else `outbound`."""

    started_at: (
        Annotated[
            AwareDatetime, Field(strict=True, ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))
        ]
        | None
    ) = None
    """When the call began, with its zone, such as `2026-01-31T08:00:00Z`."""

    recording_url: Annotated[str, Field(pattern=r"^https://\S+$", max_length=2048)] | None = None
    """Where the CRM finds the recording; `https`."""

    agent_id: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """The CRM's own id of who took the call."""

    vendor_call_key: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """The telephony provider's id of the call."""

    @property
    def agent_number(self) -> int | None:
        """``agent_id`` where it is a number, as HubSpot and Zendesk give out."""
        found = re.fullmatch(r"[0-9]{1,18}", self.agent_id or "")
        return int(found[0]) if found else None


def facts(analysis: Analysis) -> Facts:
    """What ``metadata`` says under the names of :class:`Facts`."""
    metadata = analysis.metadata or {}
    given = {name: metadata[name] for name in Facts.model_fields if name in metadata}
    try:
        return Facts.model_validate_json(json.dumps(given))
    except ValidationError as error:
        others = {item["loc"][0] for item in error.errors()}
    return Facts.model_validate_json(json.dumps({name: given[name] for name in given if name not in others}))


def timestamp(time: datetime) -> str:
    """ISO 8601 in UTC to the millisecond, which every CRM reads."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
