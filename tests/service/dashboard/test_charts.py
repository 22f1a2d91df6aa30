import json

import numpy as np
import pytest

from service.dashboard import charts, palette
from service.dashboard.charts import summaries, waveforms
from service.dashboard.sounds import envelope, features
from service.emotions import SENTIMENTS, SPEECH_EMOTIONS, TEXT_EMOTIONS, VOCAL_BURST_EMOTIONS
from tests.service.dashboard.kit import analysis


def points(figure):
    """How much the browser has to draw."""
    return sum(len(trace.x) for trace in figure.data if trace.x is not None)


def bars(figure):
    return [trace for trace in figure.data if trace.type == "bar"]


def test_every_segment_is_a_bar_where_it_was_heard():
    found = analysis()
    drawn = {
        (trace.name, base - charts.ORIGIN_MS, base - charts.ORIGIN_MS + length)
        for trace in bars(waveforms.call(found, None))
        for base, length in zip(trace.base, trace.x, strict=True)
    }
    assert drawn == {(each["label"], each["start_ms"], each["end_ms"]) for each in found["timeline"]}


def test_a_segment_that_is_not_relied_on_is_paler_and_says_why():
    found = analysis()
    found["timeline"] = [found["timeline"][0] | {"abstained": "low_snr"}]
    (trace,) = bars(waveforms.call(found, None))
    assert trace.marker.opacity[0] < 1
    assert "too much noise" in trace.customdata[0]


def test_a_channel_without_emotions_says_so():
    assert any("not analysed" in note.text for note in waveforms.call(analysis(), None).layout.annotations)


def test_an_hour_is_a_few_thousand_points():
    found = analysis()
    found["audio"]["duration_ms"] = 3_600_000
    found["timeline"] = [
        found["timeline"][0] | {"start_ms": start, "end_ms": start + 3_000} for start in range(0, 3_600_000, 3_000)
    ]
    found["channels"] = [channel | {"loudness_dbfs": [-20.0] * 3_600} for channel in found["channels"]]
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 16_000 * 360)).astype(np.float32)
    assert points(waveforms.call(found, envelope(noise))) < 12_000
    assert points(waveforms.call(found, None)) < 12_000
    assert len(json.dumps(waveforms.call(found, envelope(noise)).to_plotly_json(), default=str)) < 1_000_000


def test_times_are_shown_with_hours_where_there_are_some():
    found = analysis()
    assert waveforms.call(found, None).layout.xaxis.tickformat == "%M:%S"
    found["audio"]["duration_ms"] = 3_600_000
    assert waveforms.call(found, None).layout.xaxis.tickformat == "%H:%M:%S"


@pytest.mark.parametrize(
    ("edges", "span"),
    [
        (["1970-01-02 00:00:05.108", "1970-01-02 00:00:07.3765"], (5_108, 7_376)),
        (["1970-01-02 00:01", "1970-01-02 00:00:30"], (30_000, 60_000)),
        ([86_405_000, 86_407_000], (5_000, 7_000)),
        (["1970-01-01 23:59:59", "1970-01-02 00:00:03"], (0, 3_000)),
        (["1970-01-02 00:00:05", "1970-01-02 00:00:05.05"], None),
    ],
    ids=["as Plotly writes them", "from right to left", "numbers", "from before the beginning", "a slip of the hand"],
)
def test_what_is_selected_is_a_span_of_the_call(edges, span):
    assert waveforms.selected({"x": edges}) == span


def test_shares_are_of_the_time_that_can_be_relied_on():
    segment = analysis()["timeline"][0]
    found = analysis(
        timeline=[
            segment | {"label": "sad", "start_ms": 0, "end_ms": 3_000, "role": "customer"},
            segment | {"label": "calm", "start_ms": 3_000, "end_ms": 4_000, "role": "customer"},
            segment
            | {"label": "angry", "start_ms": 4_000, "end_ms": 9_000, "role": "customer", "abstained": "clipped"},
        ]
    )
    shares = {trace.name: list(trace.x) for trace in summaries.distribution(found).data}
    assert shares == {"calm": [0.25], "sad": [0.75]}


def test_pleasure_is_weighed_as_the_service_does():
    found = analysis()
    figure = summaries.valence(found)
    moments = next(trace for trace in figure.data if trace.mode == "markers")
    scores = found["timeline"][0]["scores"]
    expected = scores["happy"] - sum(scores[label] for label in ("sad", "angry", "fearful", "disgust"))
    assert moments.y[0] == pytest.approx(expected, abs=0.001)


def test_the_floor_shows_overlaps_and_silences_where_there_are_some():
    found = analysis()
    found["conversation"]["dynamics"]["overlaps"] = {
        "total_ms": 500,
        "instances": [{"start_ms": 1_000, "end_ms": 1_500}],
    }
    names = {trace.name for trace in summaries.floor(found).data}
    assert "both speak" in names
    assert "silence" not in names


def test_a_span_has_four_pictures_of_its_sound():
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000).astype(np.float32)
    figure = waveforms.span(envelope(tone[None]), features(tone), 2_000)
    assert [trace.type for trace in figure.data] == ["scatter", "heatmap", "heatmap", "heatmap"]
    chroma = figure.data[3]
    loudest = np.asarray(chroma.z).mean(axis=1).argmax()
    assert chroma.y[loudest] == "A"
    assert figure.data[1].x[0] == charts.ORIGIN_MS + 2_000


def test_every_label_has_a_colour():
    assert {*SPEECH_EMOTIONS, *VOCAL_BURST_EMOTIONS, *TEXT_EMOTIONS} == set(palette.EMOTIONS)
    assert set(SENTIMENTS) == set(palette.SENTIMENTS)


def test_emotions_of_one_model_have_colours_of_their_own():
    for labels in (SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS, TEXT_EMOTIONS):
        assert len({palette.emotion(label) for label in labels}) == len(labels)
