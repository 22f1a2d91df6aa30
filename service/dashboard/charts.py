"""The charts, as Plotly figures of what the service answered: a few thousand points, however long the call is.

Times lie on a date axis, which shows minutes and seconds at every zoom, from the second day of 1970 on: Plotly takes
smaller numbers for years.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from service.audio.features import Floats
from service.dashboard import palette, wording
from service.dashboard.client import Json
from service.dashboard.sounds import Envelope, Features
from service.emotions import SPEECH_VALENCE, VOCAL_BURST_EMOTIONS

CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "toImage", "autoScale2d", "sendDataToCloud"],
    "responsive": True,
}
"""How every chart behaves in the page."""

ORIGIN_MS: Final = 86_400_000
"""Where a call begins on the axis of time."""

_MARGIN: Final = {"l": 8, "r": 8, "t": 8, "b": 8}
_FLOOR_DB: Final = -60
_HOUR_MS: Final = 3_600_000
_FAINT: Final = 0.35
_SLIP_MS: Final = 100
_PITCHES: Final = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def call(analysis: Json, envelope: Envelope | None) -> go.Figure:
    """Each channel's waveform with its emotions under it. Without the recording, the level of its speech instead."""
    channels = analysis["channels"]
    duration_ms = analysis["audio"]["duration_ms"]
    rows = 2 * len(channels)
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.02, row_heights=[2.6, 1] * len(channels))
    shown: set[str] = set()
    for position, channel in enumerate(channels):
        row = 2 * position + 1
        wave = _wave(envelope, position) if envelope else _level(channel.get("loudness_dbfs") or [])
        figure.add_trace(wave, row, 1)
        figure.update_yaxes(
            title={"text": wording.channel_name(channel), "font": {"size": 12}},
            range=_wave_range(envelope) if envelope else [0, -_FLOOR_DB],
            showticklabels=False,
            row=row,
            col=1,
        )
        for bars in _strip(wording.of_channel(analysis["timeline"], channel["channel"])):
            bars.showlegend = bars.name not in shown
            shown.add(bars.name)
            figure.add_trace(bars, row + 1, 1)
        if channel["status"] != "analyzed":
            figure.add_annotation(
                text=wording.CHANNEL_STATUS.get(channel["status"], channel["status"]),
                x=0.5,
                xref="x domain",
                y=0,
                showarrow=False,
                row=row + 1,
                col=1,
            )
        figure.update_yaxes(visible=False, range=[-0.5, 0.5], row=row + 1, col=1)
    figure.update_xaxes(**_time_axis(duration_ms), fixedrange=False)
    figure.update_yaxes(fixedrange=True, zeroline=False, showgrid=False)
    figure.update_layout(
        height=80 + 150 * len(channels),
        margin={**_MARGIN, "t": 34},
        barmode="overlay",
        bargap=0.1,
        dragmode="select",
        selectdirection="h",
        hovermode="closest",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 11}, "tracegroupgap": 0},
    )
    return figure


def _time_axis(duration_ms: float, start_ms: float = 0) -> dict[str, Any]:
    hours = start_ms + duration_ms >= _HOUR_MS
    form = "%H:%M:%S" if hours else "%M:%S"
    return {
        "type": "date",
        "range": [ORIGIN_MS + start_ms, ORIGIN_MS + start_ms + duration_ms],
        "tickformat": form,
        "hoverformat": form,
    }


def _wave(envelope: Envelope, channel: int) -> go.Scatter:
    """The outline, there along the largest samples and back along the least."""
    times = np.arange(envelope.low.shape[1]) * envelope.step_ms
    return go.Scatter(
        x=ORIGIN_MS + np.concatenate([times, times[::-1]]).round(),
        y=np.concatenate([envelope.high[channel], envelope.low[channel][::-1]]).astype(np.float64).round(4),
        fill="toself",
        mode="lines",
        line={"width": 0.6, "color": palette.GREY},
        hoverinfo="skip",
        showlegend=False,
    )


def _wave_range(envelope: Envelope) -> list[float]:
    peak = float(max(envelope.high.max(), -envelope.low.min(), 0.01))
    return [-1.05 * peak, 1.05 * peak]


def _level(loudness_dbfs: Sequence[float | None]) -> go.Scatter:
    """The level of the speech second by second, above -60 dBFS."""
    return go.Scatter(
        x=[ORIGIN_MS + 1000 * second for second in range(len(loudness_dbfs))],
        y=[0 if level is None else max(0, level - _FLOOR_DB) for level in loudness_dbfs],
        fill="tozeroy",
        mode="lines",
        line={"width": 0.6, "color": palette.GREY, "shape": "hv"},
        hoverinfo="skip",
        showlegend=False,
    )


def _strip(timeline: Sequence[Json]) -> list[go.Bar]:
    """The segments of a channel, a trace a label; paler where the label is better not relied on."""
    traces = []
    for label, grouped in groupby(sorted(timeline, key=lambda each: each["label"]), key=lambda each: each["label"]):
        segments = list(grouped)
        hatched = label in VOCAL_BURST_EMOTIONS
        traces.append(
            go.Bar(
                name=label,
                legendgroup=label,
                orientation="h",
                base=[ORIGIN_MS + segment["start_ms"] for segment in segments],
                x=[segment["end_ms"] - segment["start_ms"] for segment in segments],
                y=[0] * len(segments),
                width=0.9,
                marker={
                    "color": palette.emotion(label),
                    "opacity": [1 if wording.is_relied_on(segment) else _FAINT for segment in segments],
                    "line": {"width": 0},
                    "pattern": {"shape": "/" if hatched else ""},
                },
                customdata=[_hover(segment) for segment in segments],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    return traces


def _hover(segment: Json) -> str:
    times = f"{wording.clock(segment['start_ms'])} to {wording.clock(segment['end_ms'])}"
    reason = segment.get("abstained")
    doubt = (
        "" if reason is None else f"<br>better not relied on: {wording.ABSTAINED.get(reason, wording.words(reason))}"
    )
    return f"<b>{wording.sounded(segment)}</b><br>{times}{doubt}"


def selected(box: Json) -> tuple[int, int] | None:
    """The span in ms that was drawn in :func:`call`; None for one that is no longer than a slip of the hand."""
    start, end = sorted(round(1000 * _seconds(edge)) - ORIGIN_MS for edge in box["x"])
    return (max(0, start), end) if end - start >= _SLIP_MS else None


def _seconds(edge: str | float) -> float:
    """An edge as Plotly tells it on a date axis."""
    if isinstance(edge, int | float):
        return edge / 1000
    return datetime.fromisoformat(edge).replace(tzinfo=UTC).timestamp()


def distribution(analysis: Json) -> go.Figure:
    """How much of the time each role sounds like what, of the segments that can be relied on."""
    heard: dict[str, dict[str, float]] = {}
    for segment in analysis["timeline"]:
        if wording.is_relied_on(segment):
            role = heard.setdefault(segment["role"], {})
            role[segment["label"]] = role.get(segment["label"], 0) + segment["end_ms"] - segment["start_ms"]
    labels = [label for label in palette.EMOTIONS if any(label in shares for shares in heard.values())]
    figure = go.Figure()
    for label in labels:
        shares = [role.get(label, 0) / sum(role.values()) for role in heard.values()]
        figure.add_bar(
            name=label,
            orientation="h",
            y=list(heard),
            x=shares,
            text=[f"{label} {wording.percent(share)}" if share > 0.07 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            marker={
                "color": palette.emotion(label),
                "pattern": {"shape": "/" if label in VOCAL_BURST_EMOTIONS else ""},
            },
            hovertemplate="%{y}: " + label + " %{x:.0%}<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%", range=[0, 1], fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(
        barmode="stack",
        height=110 + 50 * len(heard),
        margin={**_MARGIN, "t": 34},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )
    return figure


def scores(predictions: Sequence[tuple[str, Json]], height: int = 230) -> go.Figure:
    """The scores of some distributions side by side, each under its name."""
    figure = go.Figure()
    for position, (name, prediction) in enumerate(predictions):
        ranked = sorted(prediction["scores"].items(), key=lambda item: item[1])
        figure.add_bar(
            name=name,
            orientation="h",
            y=[label for label, _ in ranked],
            x=[score for _, score in ranked],
            marker={"color": [palette.SENTIMENTS.get(label) or palette.emotion(label) for label, _ in ranked]}
            if len(predictions) == 1
            else {"color": palette.SIDES[position % len(palette.SIDES)]},
            hovertemplate="%{y} %{x:.1%}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(tickformat=".0%", range=[0, 1], fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(height=height, margin=_MARGIN, showlegend=len(predictions) > 1)
    return figure


def valence(analysis: Json) -> go.Figure:
    """How pleasant each side sounds and reads over the call: its segments, and the service's quarters as steps."""
    figure = go.Figure()
    conversation = analysis["conversation"]
    for position, trend in enumerate(conversation["trends"]):
        colour = palette.SIDES[position % len(palette.SIDES)]
        name = wording.channel_name(trend)
        segments = [
            segment
            for segment in analysis["timeline"]
            if segment["channel"] == trend["channel"]
            and segment["source"] == "speech"
            and wording.is_relied_on(segment)
        ]
        if segments and trend["speaker"] is None:
            figure.add_scatter(
                name=f"{name}: voice, moment by moment",
                x=[ORIGIN_MS + (segment["start_ms"] + segment["end_ms"]) / 2 for segment in segments],
                y=[round(_valence(segment["scores"]), 3) for segment in segments],
                mode="markers",
                marker={"color": colour, "size": 5, "opacity": 0.5},
                hovertemplate="%{y:.2f} at %{x}<extra></extra>",
            )
        for kind, dash in (("voice", "solid"), ("text", "dot")):
            x, y = _steps(trend["quarters"], f"{kind}_valence")
            if any(value is not None for value in y):
                figure.add_scatter(
                    name=f"{name}: {'voice' if kind == 'voice' else 'words'}, by quarter",
                    x=x,
                    y=y,
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": 3},
                    hovertemplate="%{y:.2f}<extra></extra>",
                )
    figure.update_xaxes(**_time_axis(analysis["audio"]["duration_ms"]))
    figure.update_yaxes(
        range=[-1.05, 1.05], tickvals=[-1, 0, 1], ticktext=["unpleasant", "neither", "pleasant"], fixedrange=True
    )
    figure.update_layout(height=300, margin=_MARGIN, legend={"orientation": "h", "y": -0.15})
    return figure


def _valence(label_scores: Json) -> float:
    return float(sum(score * SPEECH_VALENCE.get(label, 0) for label, score in label_scores.items()))


def _steps(quarters: Sequence[Json], name: str) -> tuple[list[int], list[float | None]]:
    return (
        [ORIGIN_MS + quarter[edge] for quarter in quarters for edge in ("start_ms", "end_ms")],
        [quarter[name] for quarter in quarters for _ in range(2)],
    )


def floor(analysis: Json) -> go.Figure:
    """Who speaks when, and where they speak at once, interrupt or are silent."""
    dynamics = analysis["conversation"]["dynamics"]
    figure = go.Figure()
    names = []
    for position, channel in enumerate(analysis["channels"]):
        names.append(wording.channel_name(channel))
        speech = channel.get("speech") or []
        _spans(figure, names[-1], speech, names[-1], palette.SIDES[position % len(palette.SIDES)])
    for name, found, colour in (
        ("both speak", dynamics["overlaps"], palette.PURPLE),
        ("interruptions", dynamics["interruptions"], palette.VERMILLION),
        ("silence", dynamics["non_talk_time"], palette.GREY),
    ):
        if found and found["instances"]:
            names.append(name)
            _spans(figure, name, found["instances"], name, colour)
    figure.update_xaxes(**_time_axis(analysis["audio"]["duration_ms"]))
    figure.update_yaxes(autorange="reversed", fixedrange=True, categoryorder="array", categoryarray=names)
    figure.update_layout(height=60 + 34 * len(names), margin=_MARGIN, showlegend=False, barmode="overlay")
    return figure


def _spans(figure: go.Figure, name: str, spans: Sequence[Json], row: str, colour: str) -> None:
    figure.add_bar(
        name=name,
        orientation="h",
        base=[ORIGIN_MS + span["start_ms"] for span in spans],
        x=[span["end_ms"] - span["start_ms"] for span in spans],
        y=[row] * len(spans),
        marker={"color": colour, "line": {"width": 0}},
        customdata=[f"{wording.clock(span['start_ms'])} to {wording.clock(span['end_ms'])}" for span in spans],
        hovertemplate="%{y}<br>%{customdata}<extra></extra>",
    )


def talk(analysis: Json) -> go.Figure:
    """Each side's share of the talk."""
    figure = go.Figure()
    for position, side in enumerate(analysis["conversation"]["dynamics"]["participants"]):
        name = wording.channel_name(side)
        figure.add_bar(
            name=name,
            orientation="h",
            y=["talk"],
            x=[side["talk_share"]],
            text=f"{name} {wording.percent(side['talk_share'])}",
            textposition="inside",
            insidetextanchor="middle",
            marker={"color": palette.SIDES[position % len(palette.SIDES)]},
            hovertemplate=f"{name} %{{x:.0%}}<extra></extra>",
        )
    figure.update_xaxes(visible=False, range=[0, 1], fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    figure.update_layout(barmode="stack", height=54, margin={**_MARGIN, "t": 0, "b": 0}, showlegend=False)
    return figure


def span(envelope: Envelope, found: Features, start_ms: int) -> go.Figure:
    """A span of one channel: its waveform, mel-spectrogram, MFCC and chroma, one above the other."""
    figure = make_subplots(
        4, 1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[1, 2.2, 1.6, 1.3],
        subplot_titles=("Waveform", "Mel-spectrogram, dB", "MFCC 1 to 19", "Chroma"),
    )  # fmt: skip
    figure.add_trace(_wave(Envelope(envelope.low, envelope.high, envelope.step_ms), 0), 1, 1)
    figure.data[0].x = np.asarray(figure.data[0].x) + start_ms
    times = ORIGIN_MS + start_ms + np.arange(len(found.mel)) * found.step_ms
    for row, matrix, scale, labels in (
        (2, found.mel, "Cividis", None),
        (3, found.mfcc, "RdBu", None),
        (4, found.chroma, "Cividis", _PITCHES),
    ):
        figure.add_trace(_heat(times, matrix, scale, labels), row, 1)
    duration_ms = envelope.low.shape[1] * envelope.step_ms
    figure.update_xaxes(**_time_axis(duration_ms, start_ms) | {"tickformat": "%M:%S.%1f"})
    figure.update_yaxes(fixedrange=True, showticklabels=False)
    figure.update_yaxes(showticklabels=True, tickvals=list(_PITCHES[::2]), row=4, col=1)
    figure.update_annotations(font={"size": 12}, x=0, xanchor="left")
    figure.update_layout(height=560, margin={**_MARGIN, "l": 28, "t": 24})
    return figure


def _heat(times: Floats, matrix: Floats, scale: str, labels: Sequence[str] | None) -> go.Heatmap:
    values = matrix.T.astype(np.float64).round(1 if labels is None else 2)
    limit = float(np.abs(values).max()) if scale == "RdBu" else None
    return go.Heatmap(
        x=times.round(),
        y=labels,
        z=values,
        colorscale=scale,
        zmin=None if limit is None else -limit,
        zmax=limit,
        showscale=False,
        hovertemplate="%{y}: %{z}<extra></extra>",
    )
