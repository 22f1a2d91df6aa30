"""The page, for each visitor and each change."""

from pathlib import Path

import streamlit as st

from service.dashboard.views import calls, texts

_ASSETS = Path(__file__).with_name("assets")


def show() -> None:
    # A file of our own: Streamlit has its browsers fetch emoji and Material icons for it from elsewhere.
    st.set_page_config(page_title="Voice to Value", page_icon=_ASSETS / "icon.svg", layout="wide")
    st.html(_ASSETS / "page.css")
    st.navigation(
        [
            st.Page(calls.show, title="Calls", icon=":material/call:", url_path="calls", default=True),
            st.Page(texts.show, title="Text", icon=":material/notes:", url_path="text"),
        ],
        position="top",
    ).run()
