"""What a call came to: shares, scores, how it changed and who spoke."""

from collections.abc import Sequence

import plotly.graph_objects as go

from service.dashboard import palette, wording
from service.dashboard.charts import MARGIN, ORIGIN_MS, time_axis
from service.dashboard.client import Json
from service.emotions import SPEECH_VALENCE, VOCAL_BURST_EMOTIONS


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
        margin={**MARGIN, "t": 34},
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
    figure.update_layout(height=height, margin=MARGIN, showlegend=len(predictions) > 1)
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
    figure.update_xaxes(**time_axis(analysis["audio"]["duration_ms"]))
    figure.update_yaxes(
        range=[-1.05, 1.05], tickvals=[-1, 0, 1], ticktext=["unpleasant", "neither", "pleasant"], fixedrange=True
    )
    figure.update_layout(height=300, margin=MARGIN, legend={"orientation": "h", "y": -0.15})
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
    figure.update_xaxes(**time_axis(analysis["audio"]["duration_ms"]))
    figure.update_yaxes(autorange="reversed", fixedrange=True, categoryorder="array", categoryarray=names)
    figure.update_layout(height=60 + 34 * len(names), margin=MARGIN, showlegend=False, barmode="overlay")
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
    figure.update_layout(barmode="stack", height=54, margin={**MARGIN, "t": 0, "b": 0}, showlegend=False)
    return figure
