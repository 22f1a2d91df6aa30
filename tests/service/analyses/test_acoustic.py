"""The acoustic analysis: layouts, roles, what is withheld, and what the timeline holds."""

import io
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from service.analyses.abstention import Abstention
from service.analyses.acoustic import ChannelStatus, Layout, Role, Source, analyze
from service.audio.decode import SAMPLE_RATE, Limits, Recording, decode
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact
from service.problems import NoSpeech, WrongRoleCount
from tests.doubles import write_emotion_model
from tests.recordings import SEVEN, encode, groan, native

CUSTOMER, AGENT, UNKNOWN = Role.customer, Role.agent, Role.unknown


def _recording(samples):
    return Recording(np.ascontiguousarray(samples, np.float32), SAMPLE_RATE, "wav", "pcm_s16le")


@pytest.fixture(scope="module")
def call(sample_call):
    with sample_call.open("rb") as file:
        return decode(file, Limits(60, 2))


@pytest.fixture(scope="module")
def result(call, models):
    return analyze(call, [CUSTOMER, AGENT], models, agent_emotions=True)


def _check(result, recording):
    """What holds for every answer."""
    assert [channel.channel for channel in result.channels] == list(range(1, len(result.channels) + 1))
    order = [(segment.start_ms, segment.channel) for segment in result.timeline]
    assert order == sorted(order)
    for channel in result.channels:
        own = [segment for segment in result.timeline if segment.channel == channel.channel]
        assert bool(own) == (channel.status is ChannelStatus.analyzed)
        assert (channel.reason is None) == (channel.status is ChannelStatus.analyzed)
        assert all(segment.role is channel.role for segment in own)
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(own))
        spoken = [segment for segment in own if segment.source is Source.speech]
        assert (channel.overall is not None) == bool(spoken)
        assert sum(segment.end_ms - segment.start_ms for segment in spoken) <= channel.speech_ms + len(spoken)
        _check_speech(channel, spoken, recording)
        for predicted in [*own, *([channel.overall] if channel.overall else [])]:
            assert sum(predicted.scores.values()) == pytest.approx(1, abs=1e-5)
            assert predicted.confidence == max(predicted.scores.values()) == predicted.scores[predicted.label]
    for segment in result.timeline:
        assert 0 <= segment.start_ms < segment.end_ms <= recording.duration_ms
        assert segment.end_ms - segment.start_ms <= 3_001
        labels = SPEECH_EMOTIONS if segment.source is Source.speech else VOCAL_BURST_EMOTIONS
        assert tuple(segment.scores) == labels


def _check_speech(channel, spoken, recording):
    assert sum(end - start for start, end in channel.speech) == pytest.approx(
        channel.speech_ms, abs=1 + len(channel.speech)
    )
    edges = [0, *(edge for stretch in channel.speech for edge in stretch), recording.duration_ms]
    assert edges == sorted(edges)
    for segment in spoken:
        assert any(start <= segment.start_ms and segment.end_ms <= end for start, end in channel.speech)
    assert (channel.quality is not None) == bool(channel.speech)
    assert len(channel.loudness_dbfs) == -(-recording.duration_ms // 1_000)
    for second, level in enumerate(channel.loudness_dbfs):
        spoken_in_it = any(start < 1_000 * (second + 1) and 1_000 * second < end for start, end in channel.speech)
        assert (level is not None) == spoken_in_it
        assert level is None or -100 <= level <= 0


def test_two_speakers_on_two_channels_are_analysed_apart(result, call):
    _check(result, call)
    assert result.layout is Layout.separate
    assert [channel.role for channel in result.channels] == [CUSTOMER, AGENT]
    assert all(channel.status is ChannelStatus.analyzed for channel in result.channels)
    assert {segment.channel for segment in result.timeline} == {1, 2}
    assert result.notes == ()


def _spoken(result, channel):
    return [s for s in result.timeline if s.channel == channel and s.source is Source.speech]


def _relied_on(segments):
    return [segment for segment in segments if segment.abstained is None]


def _worth(segments):
    """Why the sound of each is not relied on; what a model makes of it does not count."""
    return [None if s.abstained is Abstention.too_uncertain else s.abstained for s in segments]


def _check_overall(channel, segments):
    assert segments
    weights = [segment.end_ms - segment.start_ms for segment in segments]
    for label, score in channel.overall.scores.items():
        assert score == pytest.approx(np.average([segment.scores[label] for segment in segments], weights=weights))


def test_the_overall_is_the_mean_weighted_by_duration(result):
    _check_overall(result.channels[0], _relied_on(_spoken(result, 1)))


def test_the_overall_leaves_out_what_is_not_relied_on_where_there_is_anything_else(call, models, result):
    samples = call.samples[:1].copy()
    last = _spoken(result, 1)[-1]
    loud = slice(16 * last.start_ms - 1_600, 16 * last.end_ms + 1_600)
    samples[:, loud] = np.clip(30 * samples[:, loud], -0.99, 0.99)
    recording = _recording(samples)
    answer = analyze(recording, [CUSTOMER], models, agent_emotions=False)
    _check(answer, recording)
    spoken = _spoken(answer, 1)
    assert set(_worth(spoken)) == {None, Abstention.clipped}
    assert spoken[-1].abstained is Abstention.clipped
    _check_overall(answer.channels[0], _relied_on(spoken))


def test_where_nothing_is_relied_on_the_overall_is_of_everything(call, models):
    muffled = sosfiltfilt(butter(8, 2_000, fs=SAMPLE_RATE, output="sos"), call.samples[:1])
    recording = _recording(muffled)
    answer = analyze(recording, [CUSTOMER], models, agent_emotions=False)
    _check(answer, recording)
    assert {segment.abstained for segment in answer.timeline} == {Abstention.narrow_band}
    _check_overall(answer.channels[0], answer.timeline)


@pytest.mark.parametrize(("least_score", "uncertain"), [(1e-12, True), (0.9, False)])
def test_a_model_that_promises_sets_gives_them_and_abstains_where_they_are_large(
    call, models, tmp_path, least_score, uncertain
):
    promise = {"conformal": json.dumps({"coverage": 0.9, "least_score": least_score})}
    write_emotion_model(tmp_path / "sure", SPEECH_EMOTIONS, metadata=promise)
    sure = replace(models, speech_emotion=EmotionModel(Artefact.load(tmp_path / "sure")))
    answer = analyze(call, [CUSTOMER, AGENT], sure, agent_emotions=False)
    _check(answer, call)
    assert len(answer.timeline) > 4
    for segment in answer.timeline:
        assert segment.prediction_set[0] == segment.label
        likely = [label for label, score in segment.scores.items() if score >= least_score]
        assert set(segment.prediction_set) == {segment.label, *likely}
        assert (segment.abstained is Abstention.too_uncertain) == uncertain == (len(segment.prediction_set) > 4)


def test_a_model_that_promises_no_sets_gives_none(call, models, tmp_path):
    write_emotion_model(tmp_path / "silent", SPEECH_EMOTIONS)
    silent = replace(models, speech_emotion=EmotionModel(Artefact.load(tmp_path / "silent")))
    answer = analyze(call, [CUSTOMER, AGENT], silent, agent_emotions=False)
    assert all(segment.prediction_set is None and segment.abstained is None for segment in _spoken(answer, 1))
    assert _spoken(answer, 1)


def test_an_agent_is_withheld_and_told_why(call, models, result):
    withheld = analyze(call, [CUSTOMER, AGENT], models, agent_emotions=False)
    _check(withheld, call)
    customer, agent = withheld.channels
    assert customer == result.channels[0]
    assert agent.status is ChannelStatus.withheld
    assert agent.overall is None
    heard = result.channels[1]
    assert agent.speech_ms == heard.speech_ms > 0
    assert (agent.speech, agent.loudness_dbfs, agent.quality) == (heard.speech, heard.loudness_dbfs, heard.quality)
    assert "Article 5(1)(f)" in agent.reason
    assert "V2V_AGENT_EMOTIONS" in agent.reason
    assert withheld.timeline == tuple(segment for segment in result.timeline if segment.channel == 1)


def test_a_call_in_which_only_the_agent_speaks_is_withheld_rather_than_refused(call, models):
    only = _recording([call.samples[1]])
    answer = analyze(only, [AGENT], models, agent_emotions=False)
    assert answer.timeline == ()
    assert answer.channels[0].status is ChannelStatus.withheld


def test_without_roles_nobody_is_withheld(call, models, result):
    answer = analyze(call, None, models, agent_emotions=False)
    assert [channel.role for channel in answer.channels] == [UNKNOWN, UNKNOWN]
    assert [segment.scores for segment in answer.timeline] == [segment.scores for segment in result.timeline]
    assert answer.layout is Layout.separate


@pytest.mark.parametrize("roles", [None, [UNKNOWN]])
def test_one_channel_without_a_role_is_mixed_and_says_so(call, models, roles):
    mono = _recording([call.samples.sum(axis=0)])
    answer = analyze(mono, roles, models, agent_emotions=False)
    _check(answer, mono)
    assert answer.layout is Layout.mixed
    assert answer.channels[0].role is UNKNOWN
    (note,) = answer.notes
    assert "one mixed channel" in note
    assert "not told apart" in note


def test_one_channel_with_a_role_is_that_persons(call, models):
    answer = analyze(_recording(call.samples[:1]), [CUSTOMER], models, agent_emotions=False)
    assert answer.layout is Layout.separate
    assert answer.channels[0].role is CUSTOMER
    assert answer.notes == ()


@pytest.mark.parametrize("roles", [None, [UNKNOWN, UNKNOWN], [CUSTOMER, AGENT], [AGENT, CUSTOMER]])
def test_the_same_signal_twice_is_analysed_once(call, models, roles):
    mixed = call.samples.sum(axis=0)
    double = _recording([mixed, 0.5 * mixed])
    answer = analyze(double, roles, models, agent_emotions=False)
    _check(answer, double)
    assert answer.layout is Layout.dual_mono
    (channel,) = answer.channels
    assert channel.role is UNKNOWN
    assert "same signal" in answer.notes[0]
    assert any("roles" in note for note in answer.notes) == (roles is not None and CUSTOMER in roles)
    once = analyze(_recording([mixed]), None, models, agent_emotions=False)
    assert answer.timeline == once.timeline


def test_the_same_agent_twice_is_still_an_agent(call, models):
    double = _recording([call.samples[1], call.samples[1]])
    answer = analyze(double, [AGENT, AGENT], models, agent_emotions=False)
    assert answer.channels[0].status is ChannelStatus.withheld


@pytest.mark.parametrize("roles", [[], [CUSTOMER], [CUSTOMER, AGENT, UNKNOWN]])
def test_roles_must_fit_the_channels(call, models, roles):
    with pytest.raises(WrongRoleCount, match=f"2 channels and {len(roles)} roles"):
        analyze(call, roles, models, agent_emotions=False)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("amplitude", [0, 0.01])
def test_nobody_speaks(models, channels, amplitude):
    noise = np.random.default_rng(0).normal(scale=amplitude or 1e-9, size=(channels, 5 * SAMPLE_RATE))
    with pytest.raises(NoSpeech, match="Nobody speaks"):
        analyze(_recording(noise), None, models, agent_emotions=False)


def test_a_silent_channel_beside_a_speaker_says_so(call, models):
    recording = _recording([call.samples[0], np.zeros_like(call.samples[0])])
    answer = analyze(recording, None, models, agent_emotions=False)
    _check(answer, recording)
    assert answer.channels[1].status is ChannelStatus.no_speech
    assert answer.channels[1].speech_ms == 0
    assert "No speech" in answer.channels[1].reason


def test_a_vocal_burst_is_heard_by_its_own_model(call, models):
    samples = call.samples[:1, : 14 * SAMPLE_RATE].copy()
    samples[0, 12 * SAMPLE_RATE : 13 * SAMPLE_RATE] += groan(1.0, pitch=90, formants=((450, 60),))
    recording = _recording(samples)
    answer = analyze(recording, [CUSTOMER], models, agent_emotions=False)
    _check(answer, recording)
    (burst,) = [segment for segment in answer.timeline if segment.source is Source.vocal_burst]
    assert burst.start_ms == pytest.approx(12_000, abs=200)
    assert burst.end_ms == pytest.approx(13_000, abs=200)
    without = analyze(_recording(call.samples[:1, : 14 * SAMPLE_RATE]), [CUSTOMER], models, agent_emotions=False)
    assert answer.channels[0].overall.scores == pytest.approx(without.channels[0].overall.scores, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "roles", "layout"),
    [
        ("auto_repairs_stereo", [CUSTOMER, AGENT], Layout.separate),
        ("auto_loan_mono_u8", None, Layout.mixed),
        ("commercial_mono", None, Layout.mixed),
        ("short_stereo", [AGENT, CUSTOMER], Layout.separate),
    ],
)
def test_real_calls(shared, models, name, roles, layout):
    with (shared / "data" / "calls" / f"{name}.wav").open("rb") as file:
        recording = decode(file, Limits(300, 2))
    answer = analyze(recording, roles, models, agent_emotions=False)
    _check(answer, recording)
    assert answer.layout is layout
    for channel, role in zip(answer.channels, roles or [UNKNOWN], strict=True):
        assert channel.status is (ChannelStatus.withheld if role is AGENT else ChannelStatus.analyzed)
        assert 0.2 * recording.duration_ms < channel.speech_ms < recording.duration_ms
    allowed = analyze(recording, roles, models, agent_emotions=True)
    assert all(channel.status is ChannelStatus.analyzed for channel in allowed.channels)
    worth = _worth(allowed.timeline)
    assert set(worth) <= {None, Abstention.too_short}
    assert worth.count(Abstention.too_short) <= 0.1 * len(worth)


def _without_channel(part):
    return replace(part, channel=0)


def test_swapped_channels_are_heard_alike(call, models, result):
    swapped = analyze(_recording(call.samples[::-1]), [AGENT, CUSTOMER], models, agent_emotions=True)
    first, second = map(_without_channel, swapped.channels)
    assert [second, first] == [_without_channel(channel) for channel in result.channels]
    for here, there in ((1, 2), (2, 1)):
        assert [_without_channel(segment) for segment in swapped.timeline if segment.channel == here] == [
            _without_channel(segment) for segment in result.timeline if segment.channel == there
        ]


@given(gain_db=st.floats(-12, 0), seconds_before=st.integers(0, 4))
@hypothesis_settings(max_examples=6)
def test_gain_shifts_the_levels_and_silence_before_shifts_the_times(call, models, result, gain_db, seconds_before):
    # Whole frames of the network, and whole seconds.
    offset_ms = 4_000 * seconds_before
    quieter = call.samples * np.float32(10 ** (gain_db / 20))
    later = np.pad(quieter, [(0, 0), (offset_ms * SAMPLE_RATE // 1_000, 0)])
    recording = _recording(later)
    answer = analyze(recording, [CUSTOMER, AGENT], models, agent_emotions=True)
    _check(answer, recording)
    for before, after in zip(result.channels, answer.channels, strict=True):
        # What the network says depends a little on the level and on what it heard before.
        np.testing.assert_allclose(np.array(after.speech) - offset_ms, before.speech, atol=200)
        assert after.quality.level_dbfs == pytest.approx(before.quality.level_dbfs + gain_db, abs=0.3)
        assert after.quality.peak_dbfs == pytest.approx(before.quality.peak_dbfs + gain_db, abs=0.01)
        assert after.quality.snr_db == pytest.approx(before.quality.snr_db, abs=0.5)
        assert after.quality.clipped == pytest.approx(before.quality.clipped, abs=1e-4)
        assert after.quality.bandwidth_hz == pytest.approx(before.quality.bandwidth_hz, abs=100)
    assert _worth(answer.timeline) == _worth(result.timeline)


@pytest.fixture(scope="module", params=[0, 30, 120], ids=lambda start: f"from {start} s")
def encoded(shared, request):
    """The customer's channel (AMR is mono) of half a minute of a real call, in seven encodings."""
    samples, rate = native(shared / "data" / "calls" / "auto_repairs_stereo.wav")
    spoken = samples[:1, request.param * rate : (request.param + 30) * rate]
    return {name: decode(io.BytesIO(encode(spoken, rate, encoding)), Limits(60, 1)) for name, encoding in SEVEN.items()}


def _timelines(encoded, models):
    return {
        name: analyze(recording, [CUSTOMER], models, agent_emotions=False).timeline
        for name, recording in encoded.items()
    }


def test_seven_encodings_of_a_call_have_the_same_segments_within_150_ms(encoded, models):
    edges = {
        name: [(segment.start_ms, segment.end_ms) for segment in timeline]
        for name, timeline in _timelines(encoded, models).items()
    }
    assert len(edges["wav"]) > 4
    for name in SEVEN:
        assert len(edges[name]) == len(edges["wav"]), name
        np.testing.assert_allclose(edges[name], edges["wav"], atol=150, err_msg=name)


def test_seven_encodings_of_a_call_sound_alike(encoded, models):
    """The mean total variation distance from WAV, over segments of speech, is printed for each encoding."""
    scores = {
        name: np.array([list(segment.scores.values()) for segment in timeline if segment.source is Source.speech])
        for name, timeline in _timelines(encoded, models).items()
    }
    distances = {name: float(np.abs(scores[name] - scores["wav"]).sum(axis=1).mean() / 2) for name in SEVEN}
    stated = "mean distance from WAV: " + ", ".join(f"{name} {value:.3f}" for name, value in distances.items())
    print(stated)
    assert max(distances.values()) < 0.2, stated
