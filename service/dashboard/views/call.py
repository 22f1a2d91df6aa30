"""One call: its headline, what was heard and said when, and what a single moment is made of."""

from typing import Any, Final

import streamlit as st

from service.audio.contained import LostDecoderError
from service.dashboard import charts, components, sounds, wording
from service.dashboard.charts import summaries, waveforms
from service.dashboard.client import Json
from service.dashboard.settings import DashboardSettings
from service.dashboard.state import Call, Span, visit
from service.dashboard.views import details
from service.dashboard.views.troubles import explained
from service.problems import Problem

_HEIGHT: Final = 380
_MOMENT_MS: Final = 3_000


def show(call: Call, settings: DashboardSettings) -> None:
    """All that is known by now."""
    analysis = call.analysis
    _heading(analysis)
    if analysis["status"] == "failed":
        _failed(call)
        return
    _decode(call, settings)
    if analysis["audio"] is None:
        st.info("The voices come first, usually within seconds; the page shows them as soon as they are there.")
        return
    _listen(call, settings)
    details.show(analysis)


def _decode(call: Call, settings: DashboardSettings) -> None:
    if call.content is not None:
        with st.spinner("Drawing the recording…"):
            try:
                call.decode(settings)
            except Problem as problem:
                st.warning(f"The recording cannot be shown here. {wording.plain(problem.detail)}")
            except LostDecoderError:
                st.warning("The recording could not be shown just now; choose it again.")


def _heading(analysis: Json) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(wording.plain(wording.call_name(analysis)), anchor=False, width="content")
        for tag in analysis["tags"] or ():
            st.badge(wording.plain(tag["tag"]), icon=":material/sell:", help=wording.plain(tag["rule"]))
    audio = analysis["audio"]
    facts = [wording.moment(analysis["created_at"]), analysis["id"]]
    if audio:
        sides = f"{audio['channels']} channel{'s' if audio['channels'] > 1 else ''}"
        facts[1:1] = [wording.clock(audio["duration_ms"]), f"{audio['codec']}, {audio['sample_rate']} Hz, {sides}"]
    st.caption(" · ".join(map(wording.plain, facts)))
    conversation = analysis["conversation"]
    if conversation:
        columns = st.columns(4)
        overall = next((each for each in _customers_first(analysis) if each["overall"]), None)
        who = wording.speaker(overall).capitalize() if overall else "Voice"
        columns[0].metric(f"{who} sounds", wording.plain(wording.sounded(overall and overall["overall"])))
        columns[1].metric("Voice, −1 to 1", _number(conversation["voice_valence"]), help=_VALENCE)
        columns[2].metric("Words, −1 to 1", _number(conversation["text_valence"]), help=_VALENCE)
        columns[3].metric("Silence", wording.clock(conversation["dynamics"]["non_talk_time"]["total_ms"]))


_VALENCE: Final = "From wholly unpleasant to wholly pleasant, the customer's where it is known who that is."


def _customers_first(analysis: Json) -> list[Json]:
    return sorted(analysis["channels"], key=lambda channel: channel["role"] != "customer")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def _failed(call: Call) -> None:
    problem = call.analysis["problem"] or {}
    st.error(
        f"**{wording.plain(problem.get('title', 'The analysis failed'))}.** {wording.plain(problem.get('detail', ''))}",
        icon=":material/error:",
    )
    st.markdown("A file that is no recording stays one; upload another. What passes by itself can be tried again.")
    _retry(call, "Try this one again")


def _retry(call: Call, label: str) -> None:
    if st.button(label, icon=":material/replay:", key="retry"):
        current = visit()
        with explained(), current.connect() as client:
            client.retry(call.id)
            current.close()
            st.rerun()


@st.fragment
def _listen(call: Call, settings: DashboardSettings) -> None:
    """Player, waveform and emotions on the left, moments and words on the right, the chosen span below."""
    analysis = call.analysis
    left, right = st.columns([5, 3], gap="medium")
    with left:
        _player(call, settings)
        _chart(call)
    picked = components.player(call.jump, call.span)
    if picked:
        call.choose(*picked, play=False)
        st.rerun(scope="fragment")
    with right:
        _beside(call, analysis)
    _span(call)


def _player(call: Call, settings: DashboardSettings) -> None:
    if call.sound:
        with st.container(key="call-player"):
            st.audio(call.sound.media, call.sound.media_type)
        return
    with st.expander("Hear it: choose its recording", icon=":material/headphones:"):
        st.caption(
            "The service deletes a recording when it is analysed. If you have the file, this page plays it to you."
        )
        file = st.file_uploader("Its recording", label_visibility="collapsed", key=f"sound {call.id}")
        if file is None:
            return
        expected = call.analysis["audio"].get("sha256")
        if expected and sounds.digest(file.getvalue()) != expected:
            st.warning("This is another recording. The one that was analysed has other bytes.")
            return
        call.content = file.getvalue()
        _decode(call, settings)
        if call.sound:
            st.rerun(scope="fragment")


def _chart(call: Call) -> None:
    if "call" not in call.charts:
        call.charts["call"] = waveforms.call(call.analysis, call.sound.envelope if call.sound else None)
    with st.container(key="call-chart"):
        event: Any = st.plotly_chart(
            call.charts["call"],
            key=f"chart {call.id} {call.sound is not None}",
            on_select="rerun",
            selection_mode="box",
            config=charts.CONFIG | {"scrollZoom": True},
        )
    boxes = event.selection.box
    if boxes and (span := waveforms.selected(boxes[0])) and st.session_state.get("box") != (call.id, span):
        st.session_state["box"] = (call.id, span)
        call.choose(*span)
        st.rerun(scope="fragment")
    what = "The waveform" if call.sound else "The level of the speech"
    st.caption(f"{what}, and the emotions under it. Click to play from there, drag to choose a span, scroll to zoom.")


def _beside(call: Call, analysis: Json) -> None:
    words = analysis["transcript"]["words"]
    moments = analysis["conversation"]["moments"] if analysis["conversation"] else []
    first = "Moments" if analysis["transcript"]["status"] == "none" else "Words"
    said, striking = st.tabs(["Words", "Moments"], default=first, key=f"beside {call.id}")
    with said:
        if words and words["utterances"]:
            st.caption(
                "Coloured by what the words say: blue positive, grey neutral, red negative. ✓ voice agrees, ▲ ≠ not."
            )
            components.transcript(call.version, words["utterances"], _HEIGHT)
        else:
            st.info(wording.transcript_note(analysis["transcript"]), icon=":material/speech_to_text:")
            if analysis["transcript"]["status"] in ("unavailable", "failed"):
                _retry(call, "Try for the words again")
    with striking:
        if not moments:
            st.info("Nothing stands out: no voice and no words that are clearly unpleasant, and none that part.")
        for number, moment in enumerate(moments):
            _moment(call, number, moment)


def _moment(call: Call, number: int, moment: Json) -> None:
    who = call.analysis["conversation"]["participants"][moment["participant"]]
    heading = f"**{wording.clock(moment['start_ms'])}** {wording.speaker(who)}: "
    heading += f"{wording.MOMENTS.get(moment['kind'], wording.words(moment['kind']))} ({_number(moment['value'])})"
    said = f"  \n“{wording.plain(wording.shortened(moment['text']))}”" if moment["text"] else ""
    if st.button(heading + said, key=f"moment-{number}", width="stretch", icon=":material/play_arrow:"):
        call.choose(moment["start_ms"], moment["end_ms"])
        st.rerun(scope="fragment")


def _span(call: Call) -> None:
    """The chosen span: what is in it, and what its sound is made of."""
    duration_ms = call.analysis["audio"]["duration_ms"]
    with st.expander("The chosen span", expanded=call.span is not None, icon=":material/graphic_eq:"):
        if call.span is None:
            st.caption("Choose a moment, a sentence, or a span of the waveform; or move the slider.")
        start, end = call.span or (0, min(_MOMENT_MS, duration_ms))
        chosen: tuple[float, float] = st.slider(
            "From and to, in seconds",
            0.0,
            duration_ms / 1000,
            (start / 1000, min(end, duration_ms) / 1000),
            0.1,
            key=f"span {call.id} {start} {end}",
        )
        span = (round(1000 * chosen[0]), round(1000 * chosen[1]))
        if (abs(span[0] - start) > 100 or abs(span[1] - end) > 100) and span[1] > span[0]:
            call.choose(*span)
            st.rerun(scope="fragment")
        if call.span:
            _inside(call, call.span)


def _inside(call: Call, span: Span) -> None:
    left, right = st.columns([2, 3], gap="medium")
    heard = [each for each in call.analysis["timeline"] if each["start_ms"] < span[1] and each["end_ms"] > span[0]]
    with left:
        if not heard:
            st.info("No emotion was read here: nobody speaks, or the voice is withheld.")
        for segment in heard[:3]:
            doubt = "" if wording.is_relied_on(segment) else f", better not relied on: {wording.doubt(segment)}"
            times = f"{wording.clock(segment['start_ms'])} to {wording.clock(segment['end_ms'])}"
            st.markdown(f"**{wording.channel_name(segment)}**, {times}: {wording.sounded(segment)}{doubt}")
            st.plotly_chart(
                summaries.scores([("voice", segment)], 210),
                key=f"scores {segment['channel']} {segment['start_ms']} {segment['source']}",
                config=charts.CONFIG,
            )
        if len(heard) > 3:
            st.caption(f"and {len(heard) - 3} more")
    with right:
        if call.sound is None:
            st.info("With its recording, this shows the mel-spectrogram, MFCC and chroma of the span.")
            return
        _features(call.sound, span)


def _features(sound: sounds.Sound, span: Span) -> None:
    channel = 1
    if sound.channels > 1:
        numbers = list(range(1, sound.channels + 1))
        channel = st.segmented_control("Channel", numbers, default=1, key="span channel") or 1
    samples = sound.span(channel, *span)
    st.plotly_chart(
        waveforms.span(sounds.envelope(samples[None]), sounds.features(samples), span[0]),
        key="features",
        config=charts.CONFIG,
    )
    if span[1] - span[0] > sounds.LONGEST_SPAN_MS:
        st.caption(f"The first {sounds.LONGEST_SPAN_MS // 1000} seconds of it.")
