"""An analysis as the body of a request to a CRM: what it takes to log the call there, and no more than is known."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from service.crm.hubspot import call
from service.crm.payload import Payload
from service.crm.salesforce import voice_call
from service.crm.zendesk import ticket
from service.schemas import Analysis


class Format(StrEnum):
    """Who takes the payload."""

    hubspot = "hubspot"
    salesforce = "salesforce"
    zendesk = "zendesk"


_PAYLOADS: Final[Mapping[Format, Callable[[Analysis], Payload]]] = {
    Format.hubspot: call,
    Format.salesforce: voice_call,
    Format.zendesk: ticket,
}


def payload(analysis: Analysis, format_: Format) -> Payload:
    """``analysis``, which is complete, as ``format_`` takes it."""
    return _PAYLOADS[format_](analysis)
