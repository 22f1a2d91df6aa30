"""What was recorded and heard, over time: a call with its emotions, a span with its features."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from service.audio.features import Floats
from service.dashboard import palette, wording
from service.dashboard.charts import MARGIN, ORIGIN_MS, time_axis
from service.dashboard.client import Json
from service.dashboard.sounds import Envelope, Features
from service.emotions import VOCAL_BURST_EMOTIONS

_FLOOR_DB: Final = -60
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
    figure.update_xaxes(**time_axis(duration_ms), fixedrange=False)
    figure.update_yaxes(fixedrange=True, zeroline=False, showgrid=False)
    figure.update_layout(
        height=80 + 150 * len(channels),
        margin={**MARGIN, "t": 34},
        barmode="overlay",
        bargap=0.1,
        dragmode="select",
        selectdirection="h",
        hovermode="closest",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 11}, "tracegroupgap": 0},
    )
    return figure


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
    figure.update_xaxes(**time_axis(duration_ms, start_ms) | {"tickformat": "%M:%S.%1f"})
    figure.update_yaxes(fixedrange=True, showticklabels=False)
    figure.update_yaxes(showticklabels=True, tickvals=list(_PITCHES[::2]), row=4, col=1)
    figure.update_annotations(font={"size": 12}, x=0, xanchor="left")
    figure.update_layout(height=560, margin={**MARGIN, "l": 28, "t": 24})
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
