"""The page for texts."""

from typing import Final

import streamlit as st

from service.dashboard import charts, palette, wording
from service.dashboard.charts import summaries
from service.dashboard.client import Json
from service.dashboard.components import sentences
from service.dashboard.state import visit
from service.dashboard.views import cards
from service.dashboard.views.troubles import explained

_EXAMPLE: Final = "The app is great. But I have waited for three weeks, and nobody answers!"


def show() -> None:
    current = visit()
    st.header("How does a text read?", anchor=False)
    with st.form("text"):
        text = st.text_area(
            "A message, a note or a review, in English", placeholder=_EXAMPLE, height=110, max_chars=10_000
        )
        asked = st.form_submit_button("Analyse", type="primary")
    if asked and not text.strip():
        st.info("Write something first.")
    elif asked:
        current.text = None
        with explained(), st.spinner("Reading…"), current.connect() as client:
            current.text = client.analyze_text(text)
    if current.text:
        _result(current.text)
    elif not asked:
        st.info(f"Sentiment and emotion, as a whole and sentence by sentence. Try: “{_EXAMPLE}”")


def _result(analysis: Json) -> None:
    result = analysis["results"][0]
    left, right = st.columns(2)
    for column, name, prediction in ((left, "Sentiment", result["sentiment"]), (right, "Emotion", result["emotion"])):
        fine = f", {wording.plain(prediction['fine_label'])} most of all" if "fine_label" in prediction else ""
        with column:
            st.markdown(f"##### {name}: {wording.plain(wording.sounded(prediction))}{fine}")
            st.plotly_chart(
                summaries.scores([(name, prediction)], height=60 + 24 * len(prediction["scores"])),
                key=f"whole {name}",
                config=charts.CONFIG,
            )
    st.markdown("##### Sentence by sentence")
    sentences(
        [
            {
                "head": f"{wording.sounded(each['sentiment'])} · {wording.sounded(each['emotion'])} "
                f"({each['emotion']['fine_label']})",
                "text": each["text"],
                "colour": palette.SENTIMENTS.get(each["sentiment"]["label"], palette.GREY),
            }
            for each in result["sentences"]
        ]
    )
    cards.buttons(analysis["models"])
