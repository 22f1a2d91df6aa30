"""How far an analysis has come, while it is under way."""

from typing import Final

import streamlit as st

from service.dashboard import wording
from service.dashboard.state import Call

_STEPS: Final = tuple(wording.STEPS)
_LOOK: Final = "500ms"


def show(call: Call) -> None:
    """Live; the page is drawn anew when there is more to see."""
    if call.follower:
        _live(call)


@st.fragment(run_every=_LOOK)
def _live(call: Call) -> None:
    if call.follower is None or call.has_more:
        st.rerun()
    progress = call.follower.progress
    if progress is None:
        st.progress(0.0, "Asking how far it has come…")
        return
    step = progress["step"]
    done = _STEPS.index(step) / (len(_STEPS) - 1) if step in _STEPS else 0.0
    waiting = progress["status"] == "queued"
    st.progress(done, "Waiting for its turn…" if waiting else f"{wording.STEPS.get(step, 'Working')}…")
