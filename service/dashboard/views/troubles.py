"""What a visitor sees where the service does not do what was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from service.dashboard import wording
from service.dashboard.client import RefusedError, ServiceError, UnreachableError
from service.dashboard.state import visit

_PASSING: Final = 429  # from here on it may be otherwise in a while


@contextmanager
def explained() -> Iterator[None]:
    """Where the service fails what is inside, the page says why, and what to do."""
    try:
        yield
    except ServiceError as error:
        _explain(error)


def _explain(error: ServiceError) -> None:
    wrong, help_ = wording.advice(error)
    if isinstance(error, RefusedError) and error.status in (401, 403):
        st.warning(f"**{wrong}** {help_}", icon=":material/key:")
        _ask_for_key()
        return
    unreachable = isinstance(error, UnreachableError)
    st.error(f"**{wrong}**\n\n{help_}", icon=":material/cloud_off:" if unreachable else ":material/error:")
    if unreachable or (isinstance(error, RefusedError) and error.status >= _PASSING):
        st.button("Try again", key="again")


def _ask_for_key() -> None:
    with st.form("key", width=480):
        key = st.text_input("API key", type="password", placeholder="v2v_…", autocomplete="off")
        st.caption("It is kept for this visit only. `python -m service keys create` makes one.")
        if st.form_submit_button("Use this key", type="primary") and key:
            current = visit()
            current.close()
            current.key, current.listed = key.strip(), None
            st.rerun()
