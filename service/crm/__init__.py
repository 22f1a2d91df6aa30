"""An analysis as the body of a request to a CRM: what it takes to log the call there, and no more than is known."""

from enum import StrEnum

from service.crm import hubspot, salesforce, zendesk
from service.crm.payload import Payload
from service.schemas import Analysis


class Format(StrEnum):
    """Who takes the payload."""

    hubspot = "hubspot"
    salesforce = "salesforce"
    zendesk = "zendesk"


_PAYLOADS = {Format.hubspot: hubspot.call, Format.salesforce: salesforce.voice_call, Format.zendesk: zendesk.ticket}


def payload(analysis: Analysis, format_: Format) -> Payload:
    """``analysis``, which is complete, as ``format_`` takes it."""
    return _PAYLOADS[format_](analysis)
