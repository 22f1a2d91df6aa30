"""The parts of the page that the browser runs itself: the link between player and chart, and what was said.

What people said or wrote reaches the page as text of an element and in no other way.
"""

from pathlib import Path
from typing import Any, Final

import streamlit as st

from service.dashboard import charts, palette, wording
from service.dashboard.client import Json

_ASSETS: Final = Path(__file__).with_name("assets")


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


_player: Final = st.components.v2.component("v2v_player", js=_asset("player.js"))
_transcript: Final = st.components.v2.component(
    "v2v_transcript",
    html='<ol aria-label="Transcript"></ol>',
    css=_asset("transcript.css"),
    js=_asset("transcript.js"),
)


_sentences: Final = st.components.v2.component(
    "v2v_sentences",
    html='<ol aria-label="Sentences"></ol>',
    css=_asset("transcript.css"),
    js=_asset("sentences.js"),
)


def player(jump: tuple[int, int] | None, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """Let the call's player and chart, which have the keys ``call-player`` and ``call-chart``, follow each other.

    Args:
        jump: a number, and the time in ms to play from if the number is a new one.
        span: what to mark in the chart.

    Returns:
        The span that was picked in the browser just now.
    """
    told = _player(
        key="player-link",
        data={
            "origin": charts.ORIGIN_MS,
            "jump": {"number": jump[0], "ms": jump[1]} if jump else None,
            "span": span,
        },
        on_picked_change=lambda: None,
    )
    picked: Any = told.picked
    return (round(picked[0]), round(picked[1])) if picked else None


def transcript(version: str, utterances: list[Json], height: int) -> None:
    """What was said; a click plays from there. It is only built anew where ``version`` is another one."""
    _transcript(
        key="transcript",
        data={"version": version, "height": height, "utterances": [_utterance(each) for each in utterances]},
    )


def _utterance(said: Json) -> Json:
    sentiment, voice, comparison = said["sentiment"], said["voice"], said.get("comparison")
    mark, agreement = wording.AGREEMENT.get(comparison["agreement"], ("", "")) if comparison else ("", "")
    return {
        "start_ms": said["start_ms"],
        "end_ms": said["end_ms"],
        "time": wording.clock(said["start_ms"]),
        "who": wording.speaker(said),
        "text": said["text"],
        "sentiment": wording.sounded(sentiment) if sentiment else "",
        "colour": palette.SENTIMENTS.get(sentiment["label"], palette.GREY) if sentiment else palette.GREY,
        "voice": f"sounds {wording.sounded(voice)}" if voice else "",
        "voice_colour": palette.emotion(voice["label"]) if voice else "",
        "mark": mark,
        "agreement": agreement,
    }


def sentences(read: list[Json]) -> None:
    """Texts with a ``head`` each, in their ``colour``."""
    _sentences(key="sentences", data={"sentences": read})
