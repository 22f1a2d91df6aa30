"""HubSpot: the body of ``POST /crm/v3/objects/calls``.

Follows HubSpot's developer documentation: "CRM API | Calls" for the properties, and its knowledge base: "Property field
types in HubSpot" for the length of texts. All values of properties are strings.
"""

import html
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from service.crm.facts import Direction, facts, timestamp
from service.crm.payload import IfKnown, Payload, clipped, utf16
from service.crm.report import findings, title, transcript
from service.schemas import Analysis

TEXT_LIMIT: Final = 65_536
"""Characters that a text property takes."""


_Direction = Literal["INBOUND", "OUTBOUND"]
_DIRECTIONS: Final[Mapping[Direction, _Direction]] = {Direction.inbound: "INBOUND", Direction.outbound: "OUTBOUND"}


class HubSpotCallProperties(Payload):
    """The call."""

    hs_timestamp: str = Field(
        description="When the call began; where `metadata` has no `started_at`, when the recording was received."
    )
    hs_call_title: str
    hs_call_body: str = Field(description="What was found, and the transcript, as HTML.")
    hs_call_duration: IfKnown[str] = Field(default=None, description="Of the recording, in milliseconds.")
    hs_call_status: Literal["COMPLETED"]
    hs_call_direction: IfKnown[_Direction] = None
    hs_call_from_number: IfKnown[str] = None
    hs_call_to_number: IfKnown[str] = None
    hs_call_recording_url: IfKnown[str] = None
    hubspot_owner_id: IfKnown[str] = None


class HubSpotCall(Payload):
    """A call as HubSpot logs it."""

    properties: HubSpotCallProperties


def call(analysis: Analysis) -> HubSpotCall:
    """``analysis``, which is complete, as a call."""
    known = facts(analysis)
    lines = findings(analysis)
    if said := transcript(analysis):
        lines += ["", *said]
    text = clipped("\n".join(lines), TEXT_LIMIT, lambda character: utf16(_html(character)))
    return HubSpotCall(
        properties=HubSpotCallProperties(
            hs_timestamp=timestamp(known.started_at or analysis.created_at),
            hs_call_title=title(analysis),
            hs_call_body="".join(map(_html, text)),
            hs_call_duration=str(analysis.audio.duration_ms) if analysis.audio else None,
            hs_call_status="COMPLETED",
            hs_call_direction=_DIRECTIONS[known.direction] if known.direction else None,
            hs_call_from_number=known.from_number,
            hs_call_to_number=known.to_number,
            hs_call_recording_url=known.recording_url,
            hubspot_owner_id=None if known.agent_number is None else str(known.agent_number),
        )
    )


def _html(character: str) -> str:
    return "<br>" if character == "\n" else html.escape(character)
