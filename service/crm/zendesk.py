"""Zendesk: the body of ``POST /api/v2/channels/voice/tickets`` of Talk, or of ``POST /api/v2/tickets`` without Talk.

Follows Zendesk's developer documentation: "Talk Partner Edition API | Create Ticket or Voicemail Ticket", "Adding voice
comments to tickets" and "Ticket Comments". Talk needs ``via_id``, and so ``direction`` in ``metadata``. A voice comment
shows a recording, and is there where ``metadata`` has ``from_number``, ``to_number``, ``started_at`` and
``recording_url``; else the transcript is in the comment. The comment is an internal note: what was found about a
customer is not to be mailed to them.
"""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from service.crm.facts import Direction, Facts, facts, timestamp
from service.crm.payload import IfKnown, Payload, clipped, utf8
from service.crm.report import findings, title, transcript
from service.schemas import Analysis

TEXT_LIMIT: Final = 65_000
"""Bytes that a comment takes, about, as Zendesk's staff says; the reference gives no number."""

_Via = Literal[45, 46]
_VIA: Final[Mapping[Direction, _Via]] = {Direction.inbound: 45, Direction.outbound: 46}


class ZendeskVoiceComment(Payload):
    """The call as Zendesk plays it."""

    from_: str = Field(serialization_alias="from")
    to: str
    recording_url: str
    started_at: str
    call_duration: int = Field(description="Of the recording, in seconds.")
    answered_by_id: IfKnown[int] = None
    transcription_text: IfKnown[str] = None


class ZendeskComment(Payload):
    """What was found, as an internal note."""

    body: str
    public: Literal[False]


class ZendeskTicketContent(Payload):
    """What the ticket says."""

    via_id: IfKnown[_Via] = Field(default=None, description="45 for a call from a customer, 46 for one to a customer.")
    subject: str
    external_id: IfKnown[str] = None
    tags: IfKnown[list[str]] = Field(default=None, description="Those of the analysis.")
    comment: ZendeskComment
    voice_comment: IfKnown[ZendeskVoiceComment] = None


class ZendeskTicket(Payload):
    """A ticket about a call."""

    ticket: ZendeskTicketContent


def ticket(analysis: Analysis) -> ZendeskTicket:
    """``analysis``, which is complete, as a new ticket."""
    known = facts(analysis)
    lines = findings(analysis)
    said = transcript(analysis)
    spoken = _voice_comment(analysis, known, said)
    if said and spoken is None:
        lines += ["", *said]
    return ZendeskTicket(
        ticket=ZendeskTicketContent(
            via_id=_VIA[known.direction] if known.direction else None,
            subject=title(analysis),
            external_id=analysis.external_id,
            tags=sorted({tag.tag for tag in analysis.tags or []}) or None,
            comment=ZendeskComment(body=clipped("\n".join(lines), TEXT_LIMIT, utf8), public=False),
            voice_comment=spoken,
        )
    )


def _voice_comment(analysis: Analysis, known: Facts, said: list[str]) -> ZendeskVoiceComment | None:
    if not (known.from_number and known.to_number and known.started_at and known.recording_url and analysis.audio):
        return None
    return ZendeskVoiceComment(
        from_=known.from_number,
        to=known.to_number,
        recording_url=known.recording_url,
        started_at=timestamp(known.started_at),
        call_duration=round(analysis.audio.duration_ms / 1000),
        answered_by_id=known.agent_number,
        transcription_text=clipped("\n".join(said), TEXT_LIMIT, utf8) or None,
    )
