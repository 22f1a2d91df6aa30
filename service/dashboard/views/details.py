"""What a call came to as a whole: how it sounded and went, how far to trust that, and all of it to take away."""

from functools import partial

import streamlit as st

from service.dashboard import charts, export, wording
from service.dashboard.charts import summaries
from service.dashboard.client import Json
from service.dashboard.views import cards


def show(analysis: Json) -> None:
    """A tab for each."""
    how, went, trust, take = st.tabs(["How it sounded", "How it went", "How far to trust it", "Take it away"])
    with how:
        _distribution(analysis)
    with went:
        _dynamics(analysis)
    with trust:
        _quality(analysis)
    with take:
        _export(analysis)


def _distribution(analysis: Json) -> None:
    if not any(map(wording.is_relied_on, analysis["timeline"])):
        st.info("There is no emotion in this call that can be relied on; see How far to trust it.")
        return
    st.plotly_chart(summaries.distribution(analysis), key="distribution", config=charts.CONFIG)
    st.caption("Of the time in which each speaks; segments that are better not relied on are left out.")
    if analysis["conversation"]:
        st.markdown("##### How it changed")
        st.plotly_chart(summaries.valence(analysis), key="valence", config=charts.CONFIG)


def _dynamics(analysis: Json) -> None:
    conversation = analysis["conversation"]
    if conversation is None:
        st.info("Nobody talks in this recording, so there is nothing to tell of how the talk went.")
        return
    st.plotly_chart(summaries.talk(analysis), key="talk", config=charts.CONFIG | {"displayModeBar": False})
    st.plotly_chart(summaries.floor(analysis), key="floor", config=charts.CONFIG)
    st.dataframe(
        [
            {
                "who": wording.channel_name(side),
                "talk": wording.clock(side["talk_ms"]),
                "turns": side["turns"],
                "longest turn": _length(side["longest_monologue"]),
                "answers after (s)": None
                if side["response_latency_ms"] is None
                else side["response_latency_ms"] / 1000,
                "interruptions": side["interruptions"],
                "words a minute": side["words_per_minute"],
            }
            for side in conversation["dynamics"]["participants"]
        ],
        hide_index=True,
    )


def _length(span: Json | None) -> str | None:
    return None if span is None else wording.clock(span["end_ms"] - span["start_ms"])


def _quality(analysis: Json) -> None:
    for note in analysis["notes"]:
        st.info(wording.plain(note))
    st.dataframe(
        [
            {
                "channel": wording.channel_name(channel),
                "state": wording.CHANNEL_STATUS.get(channel["status"], channel["status"]),
                "speech": wording.clock(channel["speech_ms"]),
                "level (dBFS)": (channel["quality"] or {}).get("level_dbfs"),
                "signal to noise (dB)": (channel["quality"] or {}).get("snr_db"),
                "clipped": (channel["quality"] or {}).get("clipped"),
                "up to (Hz)": (channel["quality"] or {}).get("bandwidth_hz"),
            }
            for channel in analysis["channels"]
        ],
        hide_index=True,
        column_config={"clipped": st.column_config.NumberColumn(format="percent")},
    )
    for channel in analysis["channels"]:
        if channel["reason"]:
            st.warning(f"**{wording.channel_name(channel)}**: {wording.plain(channel['reason'])}")
    total = len(analysis["timeline"])
    doubted: dict[str, int] = {}
    for segment in analysis["timeline"]:
        if not wording.is_relied_on(segment):
            doubted[wording.doubt(segment)] = doubted.get(wording.doubt(segment), 0) + 1
    if doubted:
        why = ", ".join(f"{reason}: {count}" for reason, count in sorted(doubted.items()))
        st.markdown(
            f"**{sum(doubted.values())} of {total} segments** are better not relied on, and drawn paler. {why}."
        )
    elif total:
        st.markdown(f"Nothing speaks against any of the {total} segments.")
    st.caption("What gave these results, and how far to trust it:")
    words = analysis["transcript"]["words"]
    cards.buttons([*analysis["models"], *(words["text_models"] if words else ())])
    if words:
        provider = wording.plain(analysis["transcript"]["provider"])
        st.caption(
            f"The words: {wording.plain(words['model'])} by {provider}, language {wording.plain(words['language'])}."
        )


def _export(analysis: Json) -> None:
    with st.container(horizontal=True):
        for label, make, ending, mime in (
            ("JSON, as the service answered", export.as_json, "json", "application/json"),
            ("CSV, a line each", export.as_csv, "csv", "text/csv"),
            ("Report, one page of HTML", export.as_report, "html", "text/html"),
        ):
            st.download_button(
                label,
                partial(make, analysis),
                file_name=f"{analysis['id']}.{ending}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
            )
    st.caption("The report prints on a page. What was said is in the JSON and the CSV; keep them as you keep calls.")
