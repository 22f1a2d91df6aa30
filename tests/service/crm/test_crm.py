"""What every payload keeps to: the names, types and limits that each CRM publishes, and nothing that nobody knows."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import crm
from service.crm import Format
from tests.service.crm.kit import METADATA, analysis, long_winded


def characters(text):
    """As Java and JavaScript count them."""
    return len(text.encode("utf-16-le")) // 2


def octets(text):
    return len(text.encode())


@dataclass(frozen=True)
class Published:
    """What the documentation of a CRM says of a field. A time is ISO 8601 with its zone; ``most`` bounds a text."""

    kind: type
    most: int | None = None
    size: Any = characters
    values: tuple[Any, ...] | None = None
    time: bool = False
    address: bool = False
    digits: bool = False
    required: bool = False

    def check(self, value):
        assert type(value) is self.kind
        if self.kind is str:
            assert value
        if self.most is not None:
            assert self.size(value) <= self.most
        if self.values is not None:
            assert value in self.values
        if self.time:
            assert datetime.fromisoformat(value).tzinfo is not None
        if self.address:
            assert value.startswith("https://")
        if self.digits:
            assert value.isdecimal()


TEXT = Published(str, most=65_536)
PHONE = Published(str, most=40)
# CRM API | Calls, and Property field types in HubSpot (developers.hubspot.com, knowledge.hubspot.com).
HUBSPOT = {
    "properties.hs_timestamp": Published(str, time=True, required=True),
    "properties.hs_call_title": TEXT,
    "properties.hs_call_body": TEXT,
    "properties.hs_call_duration": Published(str, digits=True),
    "properties.hs_call_status": Published(
        str,
        values=(
            "BUSY",
            "CALLING_CRM_USER",
            "CANCELED",
            "COMPLETED",
            "CONNECTING",
            "FAILED",
            "IN_PROGRESS",
            "NO_ANSWER",
            "QUEUED",
            "RINGING",
        ),
    ),
    "properties.hs_call_direction": Published(str, values=("INBOUND", "OUTBOUND")),
    "properties.hs_call_from_number": TEXT,
    "properties.hs_call_to_number": TEXT,
    "properties.hs_call_recording_url": Published(str, most=65_536, address=True),
    "properties.hubspot_owner_id": Published(str, digits=True),
}
# Object Reference for the Salesforce Platform | VoiceCall (developer.salesforce.com): only fields that can be created.
SALESFORCE = {
    "CallStartDateTime": Published(str, time=True),
    "CallEndDateTime": Published(str, time=True),
    "CallDurationInSeconds": Published(int),
    "CallType": Published(str, values=("Inbound", "Outbound", "Internal", "Bridge", "Coach", "Callback", "Transfer")),
    "FromPhoneNumber": PHONE,
    "ToPhoneNumber": PHONE,
    "UserId": Published(str, most=18),
    "VendorCallKey": Published(str, most=255),
    "Description": Published(str, most=32_000),
}
COMMENT = Published(str, most=65_535, size=octets)
# Talk Partner Edition API | Create Ticket or Voicemail Ticket, Adding voice comments to tickets, Ticket Comments
# (developer.zendesk.com).
ZENDESK = {
    "ticket.via_id": Published(int, values=(44, 45, 46)),
    "ticket.subject": Published(str),
    "ticket.external_id": Published(str),
    "ticket.tags": Published(list),
    "ticket.comment.body": replace(COMMENT, required=True),
    "ticket.comment.public": Published(bool),
    "ticket.voice_comment.from": Published(str),
    "ticket.voice_comment.to": Published(str),
    "ticket.voice_comment.recording_url": Published(str, address=True),
    "ticket.voice_comment.started_at": Published(str, time=True),
    "ticket.voice_comment.call_duration": Published(int),
    "ticket.voice_comment.answered_by_id": Published(int),
    "ticket.voice_comment.transcription_text": COMMENT,
}
PUBLISHED = {Format.hubspot: HUBSPOT, Format.salesforce: SALESFORCE, Format.zendesk: ZENDESK}


def sent(analysed, to):
    """The payload as it goes over the wire, its nested fields named as in the tables."""
    return dict(_flat(json.loads(crm.payload(analysed, to).model_dump_json())))


def _flat(payload, prefix=""):
    for name, value in payload.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def check(payload, to):
    published = PUBLISHED[to]
    for name, value in payload.items():
        assert name in published
        published[name].check(value)
    assert {name for name, field in published.items() if field.required} <= set(payload)


@pytest.mark.parametrize("to", Format)
class TestEvery:
    def test_all_that_is_known_is_sent_as_is_published(self, to):
        known = METADATA if to is not Format.salesforce else {**METADATA, "agent_id": "005000000000001AAA"}
        payload = sent(analysis(known), to)
        check(payload, to)
        assert set(payload) == set(PUBLISHED[to])

    @pytest.mark.parametrize("missing", [name for name in METADATA if name != "queue"])
    def test_what_nobody_knows_is_left_out(self, to, missing):
        payload = sent(analysis({name: value for name, value in METADATA.items() if name != missing}), to)
        check(payload, to)
        assert str(METADATA[missing]) not in json.dumps(payload)

    @pytest.mark.parametrize("metadata", [None, {}, {"queue": "billing"}])
    def test_an_analysis_is_enough(self, to, metadata):
        bare = analysis(metadata, None, conversation=None, tags=None, external_id=None)
        check(sent(bare, to), to)

    @pytest.mark.parametrize("text", ["x" * 40, "é" * 40, "🙂" * 40, "<&>" * 40], ids=ascii)
    def test_long_texts_are_cut_to_what_fits_and_end_in_an_ellipsis(self, to, text):
        for metadata in (METADATA, None):
            payload = sent(analysis(metadata, long_winded(text)), to)
            check(payload, to)
            cut = [value for value in payload.values() if isinstance(value, str) and value.endswith("…")]
            assert len(cut) == 1
            assert len(cut[0]) > 10_000

    @settings(max_examples=30)
    @given(
        metadata=st.dictionaries(
            st.sampled_from(sorted(METADATA)),
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=60)
            | st.datetimes().map(datetime.isoformat)
            | st.lists(st.text(max_size=3), max_size=2),
        )
    )
    def test_whatever_else_the_caller_keeps_under_these_names_does_no_harm(self, to, metadata):
        check(sent(analysis(metadata), to), to)
