"""The card of a model, a click away from what it found."""

from collections.abc import Sequence

import streamlit as st

from service.dashboard import wording
from service.dashboard.client import Json
from service.dashboard.state import visit
from service.dashboard.views.troubles import explained


def buttons(models: Sequence[Json]) -> None:
    """A button for each model, which opens its card."""
    with st.container(horizontal=True):
        for model in models:
            if st.button(
                f"{wording.plain(model['name'])} {wording.plain(model['version'])}", icon=":material/id_card:"
            ):
                _card(model)


@st.dialog("Model card", width="large")
def _card(model: Json) -> None:
    with explained(), visit().connect() as client:
        card = client.model(model["name"])
        st.subheader(wording.plain(card["name"]))
        st.markdown(wording.plain(card.get("description", "")))
        facts = {
            "version": card["version"],
            "licence": card.get("licence"),
            "what that allows": card.get("licence_note"),
            "hears" if "text" not in card["name"] else "reads": ", ".join(map(str, _labels(card.get("labels")))),
            "right about speakers it had never heard": _accuracy(card),
            "sha256": card["sha256"],
        }
        st.markdown("\n".join(f"- {name}: {wording.plain(value)}" for name, value in facts.items() if value))
        if card["sha256"] != model["sha256"]:
            st.warning("The service has other weights now than those that gave this result.")
        st.caption("The whole card: what it was trained on, what it scores and where its limits are")
        st.json(card, expanded=1)


def _accuracy(card: Json) -> str:
    """In each band; of a model that hears voices."""
    bands = card.get("protocols", {}).get("speaker-independent", {})
    return ", ".join(f"{wording.percent(figures['accuracy'])} {band}" for band, figures in bands.items())


def _labels(labels: object) -> list[str]:
    """A card has a list of them, or one for each of its heads."""
    if isinstance(labels, dict):
        return [str(label) for head in labels.values() for label in head]
    return [str(label) for label in labels] if isinstance(labels, list) else []
