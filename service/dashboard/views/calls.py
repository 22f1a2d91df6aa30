"""The page for calls: choose one on the left, look at it on the right."""

from pathlib import Path
from typing import Final

import streamlit as st

from service.dashboard import wording
from service.dashboard.client import Client, Json
from service.dashboard.state import Visit, visit
from service.dashboard.views import call, progress
from service.dashboard.views.troubles import explained

SAMPLE: Final = Path(__file__).resolve().parents[3] / "tests" / "data" / "sample_call.wav"
_SAMPLE_ROLES: Final = "customer,agent"

_ROLES: Final = {
    "Nobody has told": None,
    "1 customer, 2 agent": "customer,agent",
    "1 agent, 2 customer": "agent,customer",
    "one channel: customer": "customer",
}
_TYPES: Final = ["wav", "mp3", "flac", "ogg", "opus", "oga", "m4a", "mp4", "aac", "webm", "amr"]


def show() -> None:
    current = visit()
    with explained(), current.connect() as client:
        if current.listed is None:
            current.listed = client.analyses()
        with st.sidebar:
            _choose(current, client, current.listed[0])
        wanted = st.query_params.get("analysis")
        if wanted and (current.call is None or current.call.id != wanted):
            with st.spinner("Opening the call…"):
                current.open(wanted, client)
        if wanted and current.call:
            if current.call.catch_up(client):
                current.listed = None
                st.rerun()
            progress.show(current.call)
            call.show(current.call, current.settings)
        else:
            _nothing_open()


def _nothing_open() -> None:
    st.header("Drop a call in, see and hear where it turned", anchor=False)
    st.markdown(
        "1. **Choose** a recording on the left, the sample, or an earlier call.\n"
        "2. **Watch** the voices come first, and the words after them where somebody transcribes.\n"
        "3. **Click** in the waveform, on a moment or on a sentence, and hear it from there."
    )
    st.info(
        "A recording goes to your own service and is deleted there when it has been analysed. "
        "This page forgets it when you close it.",
        icon=":material/lock:",
    )


def _choose(current: Visit, client: Client, listed: list[Json]) -> None:
    with st.container(key="new-call"):
        file = st.file_uploader("A recording", _TYPES, key=f"file {current.uploads}")
        roles = st.selectbox("Who speaks on which channel", list(_ROLES), key=f"roles {current.uploads}")
        external_id = st.text_input("Your own id of the call (optional)", max_chars=200, key=f"id {current.uploads}")
        asked = st.button("Analyse", type="primary", disabled=file is None, width="stretch", key="analyse")
        sample = SAMPLE.is_file() and st.button("Try the sample call", width="stretch", key="sample")
    if asked and file is not None:
        _begin(current, client, file.name, file.getvalue(), _ROLES[roles], external_id.strip() or None)
    elif sample:
        _begin(current, client, SAMPLE.name, SAMPLE.read_bytes(), _SAMPLE_ROLES, "Sample call")
    _earlier(current, client, listed)


def _begin(
    current: Visit, client: Client, name: str, content: bytes, roles: str | None, external_id: str | None
) -> None:
    with explained():
        with st.spinner("Sending the recording…"):
            analysis_id = client.analyze_audio(name, content, roles, external_id)
            current.open(analysis_id, client, content)
        current.uploads += 1
        current.listed = None
        st.query_params["analysis"] = analysis_id
        st.rerun()


def _earlier(current: Visit, client: Client, listed: list[Json]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Earlier calls**")
        if st.button("", icon=":material/refresh:", help="Look for new ones", type="tertiary", key="refresh"):
            current.listed = None
            st.rerun()
    if not listed:
        st.caption("There are none yet.")
    for summary in listed:
        state = _MARKS.get(summary["status"], "")
        label = f"{state} {wording.plain(wording.call_name(summary))}"
        if summary.get("external_id"):
            label += f"  \n{wording.plain(wording.moment(summary['created_at']))}"
        chosen = current.call is not None and current.call.id == summary["id"]
        if st.button(label, key=f"open-{summary['id']}", width="stretch", type="primary" if chosen else "secondary"):
            st.query_params["analysis"] = summary["id"]
            st.rerun()
    following = current.listed[1] if current.listed else None
    if following and st.button("Older ones", key="older", type="tertiary"):
        more, cursor = client.analyses(following)
        current.listed = ([*listed, *more], cursor)
        st.rerun()


_MARKS: Final = {"queued": "…", "processing": "…", "failed": "✕", "completed": ""}
