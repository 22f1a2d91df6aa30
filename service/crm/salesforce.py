"""Salesforce: the body of ``POST /services/data/v61.0/sobjects/VoiceCall``.

Follows Salesforce's Object Reference: "VoiceCall". Its fields for the phone numbers have the names that they had before
API version 62.0. To be created a record needs ``CallStartDateTime``, ``CallEndDateTime``, ``CallType``,
``FromPhoneNumber`` and ``ToPhoneNumber``, all of which come from ``metadata``. Of a record that telephony has created
nothing here but ``Description`` may be changed: send that one alone.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from pydantic import Field

from service.crm.facts import Direction, facts, timestamp
from service.crm.payload import IfKnown, Payload, clipped, utf16
from service.crm.report import findings, title, transcript
from service.schemas import Analysis

# The reference gives none for this object. It is a long text, as it cannot be filtered by, and this is what the
# descriptions of the other standard objects take.
DESCRIPTION_LIMIT: Final = 32_000

_Type = Literal["Inbound", "Outbound"]
_TYPES: Final[Mapping[Direction, _Type]] = {Direction.inbound: "Inbound", Direction.outbound: "Outbound"}
_USER: Final = re.compile(r"005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")


class SalesforceVoiceCall(Payload):
    """A call as Salesforce Voice and Sales Dialer keep it."""

    CallStartDateTime: IfKnown[str] = None
    CallEndDateTime: IfKnown[str] = Field(default=None, description="`started_at` and the length of the recording.")
    CallDurationInSeconds: IfKnown[int] = Field(default=None, description="Of the recording.")
    CallType: IfKnown[_Type] = None
    FromPhoneNumber: IfKnown[str] = None
    ToPhoneNumber: IfKnown[str] = None
    UserId: IfKnown[str] = Field(default=None, description="`agent_id`, where it is the id of a user.")
    VendorCallKey: IfKnown[str] = None
    Description: str = Field(description="What was found, and the transcript.")


def voice_call(analysis: Analysis) -> SalesforceVoiceCall:
    """``analysis``, which is complete, as a voice call."""
    known = facts(analysis)
    duration_ms = analysis.audio.duration_ms if analysis.audio else None
    started = known.started_at
    lines = [f"{title(analysis)}.", *findings(analysis)]
    if said := transcript(analysis):
        lines += ["", *said]
    return SalesforceVoiceCall(
        CallStartDateTime=timestamp(started) if started else None,
        CallEndDateTime=timestamp(started + timedelta(milliseconds=duration_ms)) if started and duration_ms else None,
        CallDurationInSeconds=None if duration_ms is None else round(duration_ms / 1000),
        CallType=_TYPES[known.direction] if known.direction else None,
        FromPhoneNumber=known.from_number,
        ToPhoneNumber=known.to_number,
        UserId=known.agent_id if known.agent_id and _USER.fullmatch(known.agent_id) else None,
        VendorCallKey=known.vendor_call_key,
        Description=clipped("\n".join(lines), DESCRIPTION_LIMIT, utf16),
    )
