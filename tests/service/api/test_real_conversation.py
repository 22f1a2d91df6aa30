"""All that is told of a real call with words, over HTTP, held against what can be seen in its two channels.

Who has the floor when was read from the levels of the recording (``CUSTOMER`` and ``AGENT``, in seconds); the words are
made up for it (``LINES``). What follows from voice and words is worked out here once more, from the parts of the answer
that it is made of, by its published definition and not by the code of the service.
"""

import hashlib
import html
import json
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

import anyio
import numpy as np
import pytest

from service import crm
from service.crm import Format
from service.emotions import SENTIMENTS, SPEECH_EMOTIONS, TEXT_EMOTIONS
from service.rules import Rule
from service.schemas import Analysis
from tests.recordings import native
from tests.service.api.auto_repairs import LINES
from tests.service.api.kit import completed, read
from tests.service.api.test_words import distribution
from tests.service.conversation.kit import PADDING_MS
from tests.service.conversation.test_conversation import AGENT, CUSTOMER
from tests.service.crm.kit import METADATA
from tests.world import START, TRANSCRIBED, Clock, world

WITHIN_MS = 200
DURATION_MS = 245_380
FLOOR = {"customer": CUSTOMER, "agent": AGENT}
PLEASANT, UNPLEASANT = {"happy"}, {"sad", "angry", "fearful", "disgust"}

HOUSE_RULES = (Rule(tag="silence", when="call.longest_silence_seconds > 3"),)
ASKED_RULES = [
    {"tag": "long-winded", "when": "customer.longest_monologue_seconds > 30 and customer.text_valence_change > 0.5"},
    {"tag": "overbearing", "when": "agent.talk_share > 0.7 or agent.interruptions > 0"},
    # True of any number, but the voice of the agent is withheld.
    {"tag": "unknown", "when": "agent.anger > 0.1 or not agent.anger > 0.1"},
    {"tag": "friendly-end", "when": "not customer.text_valence_last_quarter <= 0"},
]

# What some lines are, to anybody: by where they begin.
READS = {
    32_864: "negative",
    81_056: "negative",
    127_152: "negative",
    51_904: "neutral",
    97_392: "neutral",
    168_856: "neutral",
    212_720: "positive",
    229_616: "positive",
    235_272: "positive",
}


@pytest.fixture(scope="module")
def recording(shared):
    return shared / "data" / "calls" / "auto_repairs_stereo.wav"


@pytest.fixture(scope="module")
def told(settings, recording, tmp_path_factory):
    """The analysis of the call, and what each CRM is told, from a service that has never worked before, by the hour of
    the request."""

    async def told(hour):
        update = {"data_dir": tmp_path_factory.mktemp("data"), "rules": HOUSE_RULES, **TRANSCRIBED}
        async with world(settings.model_copy(update=update), clock=Clock(START + hour * 3_600_000)) as service:
            service.assemblyai.lines = LINES
            location = await completed(
                service,
                recording.read_bytes(),
                channel_roles="customer,agent",
                external_id="call-42",
                metadata=json.dumps(METADATA),
                rules=json.dumps(ASKED_RULES),
            )
            answer = await read(service, location)
            payloads = {format_: await read(service, f"{location}?format={format_}") for format_ in Format}
            assert service.assemblyai.violations == []
        return answer, payloads

    return [anyio.run(told, hour) for hour in (0, 1)]


@pytest.fixture(scope="module")
def answer(told):
    return told[0][0]


@pytest.fixture(scope="module")
def payloads(told):
    return told[0][1]


@pytest.fixture(scope="module")
def utterances(answer):
    return answer["transcript"]["words"]["utterances"]


@pytest.fixture(scope="module")
def heard(answer):
    """The segments that a voice is judged by."""
    return [segment for segment in answer["timeline"] if segment["source"] == "speech" and not segment["abstained"]]


def about(seconds):
    """These times in milliseconds, to 200 ms."""
    return pytest.approx([1_000 * each for each in seconds], abs=WITHIN_MS)


def edges(span):
    return [span["start_ms"], span["end_ms"]]


def talk(channel):
    """When somebody talks on it: its speech without the padding."""
    return [(start + PADDING_MS, end - PADDING_MS) for start, end in map(edges, channel["speech"])]


def shared_ms(one, other):
    return max(0, min(one["end_ms"], other["end_ms"]) - max(one["start_ms"], other["start_ms"]))


def scores(predicted):
    return list(predicted["scores"].values())


def mean(predictions, weights):
    """The mean distribution, as a column of scores; None of nothing."""
    if not sum(weights):
        return None
    return np.average([scores(each) for each in predictions], axis=0, weights=weights)


def voice_in(span, segments):
    return mean(segments, [shared_ms(span, segment) for segment in segments])


def words_of(utterances):
    return mean([each["sentiment"] for each in utterances], [len(each["text"]) for each in utterances])


def voice_valence(column):
    signs = [(label in PLEASANT) - (label in UNPLEASANT) for label in SPEECH_EMOTIONS]
    return None if column is None else float(np.dot(column, signs))


def text_valence(column):
    return None if column is None else float(column[2] - column[0])


def about_score(expected):
    """What was worked out here from rounded scores; or that there is nothing."""
    return pytest.approx(expected, abs=5e-4)


def check_prediction(found, expected, labels):
    assert (found is None) == (expected is None)
    if found is not None:
        distribution(found, labels)
        assert scores(found) == pytest.approx(list(expected), abs=2e-4)


class TestRecording:
    def test_it_is_told_what_it_is(self, answer, recording):
        assert answer["audio"] == {
            "container": "wav",
            "codec": "pcm_mulaw",
            "sample_rate": 8_000,
            "channels": 2,
            "duration_ms": DURATION_MS,
            "layout": "separate",
            "sha256": hashlib.sha256(recording.read_bytes()).hexdigest(),
        }
        assert answer["notes"] == []

    def test_which_models_heard_it(self, answer, models_dir):
        assert [(model["name"], model["source"]) for model in answer["models"]] == [
            ("speech_encoder", "speech"),
            ("burst_encoder", "vocal_burst"),
        ]
        for model in answer["models"]:
            network = (models_dir / model["name"] / "model.onnx").read_bytes()
            assert model["sha256"] == hashlib.sha256(network).hexdigest()
            assert len(model["front_end_sha256"]) == 64

    def test_a_telephone_line_is_heard_to_be_one(self, answer):
        for channel in answer["channels"]:
            quality = channel["quality"]
            assert 3_300 <= quality["bandwidth_hz"] <= 4_000
            assert quality["level_dbfs"] < quality["peak_dbfs"] <= 0
            assert quality["clipped"] < 0.001
            assert quality["snr_db"] > 30

    def test_loudness_by_second_is_that_of_the_speech_in_it(self, answer, recording):
        samples, rate = native(recording)
        times = np.arange(samples.shape[1]) * 1_000 / rate
        for channel, own in zip(answer["channels"], samples, strict=True):
            speaks = np.zeros(len(own), dtype=bool)
            for start, end in map(edges, channel["speech"]):
                speaks |= (start <= times) & (times < end)
            assert len(channel["loudness_dbfs"]) == 246
            for second, level in enumerate(channel["loudness_dbfs"]):
                part = own[second * rate : (second + 1) * rate][speaks[second * rate : (second + 1) * rate]]
                assert (level is None) == (part.size == 0)
                if level is not None:
                    assert level == pytest.approx(10 * np.log10(np.mean(np.square(part))), abs=0.5)


class TestWhoSpeaksWhen:
    def test_every_turn_begins_and_ends_with_speech_and_there_is_no_speech_beside(self, answer):
        for channel in answer["channels"]:
            seen = FLOOR[channel["role"]]
            stretches = talk(channel)
            turns = [
                [one for one in stretches if one[0] >= 1_000 * start - WITHIN_MS and one[1] <= 1_000 * end + WITHIN_MS]
                for start, end in seen
            ]
            assert [one for turn in turns for one in turn] == stretches
            assert [(turn[0][0], turn[-1][1]) for turn in turns] == [about(turn) for turn in seen]

    def test_the_whole_of_it(self, answer):
        assert answer["conversation"]["participants"] == [
            {"channel": 1, "role": "customer", "speaker": None},
            {"channel": 2, "role": "agent", "speaker": None},
        ]
        dynamics = answer["conversation"]["dynamics"]
        both = sorted(CUSTOMER + AGENT)
        assert dynamics["total_conversation_ms"] == pytest.approx(1_000 * (both[-1][1] - both[0][0]), abs=2 * WITHIN_MS)
        silences = [(end, start) for (_, end), (start, _) in pairwise(both) if start - end > 3]
        found = dynamics["non_talk_time"]
        assert [edges(each) for each in found["instances"]] == [about(silence) for silence in silences]
        assert len(silences) == 1
        assert found["total_ms"] == sum(end - start for start, end in map(edges, found["instances"]))
        assert all(end < start for (_, end), (start, _) in pairwise(both))
        assert dynamics["overlaps"] == {"total_ms": 0, "instances": []}
        assert dynamics["interruptions"] == {"total_count": 0, "total_ms": 0, "instances": []}

    def test_each_side(self, answer):
        dynamics = answer["conversation"]["dynamics"]
        talked = [sum(end - start for start, end in talk(channel)) for channel in answer["channels"]]
        assert dynamics["talk_ms"] == sum(talked)
        for side, channel, talk_ms in zip(dynamics["participants"], answer["channels"], talked, strict=True):
            seen = FLOOR[side["role"]]
            assert (side["talk_ms"], side["talk_share"]) == (talk_ms, pytest.approx(talk_ms / sum(talked), abs=1e-4))
            assert channel["speech_ms"] == sum(end - start for start, end in map(edges, channel["speech"]))
            assert (side["turns"], side["interruptions"]) == (len(seen), 0)
            longest = max(seen, key=lambda turn: turn[1] - turn[0])
            assert edges(side["longest_monologue"]) == about(longest)
            assert side["response_latency_ms"] == pytest.approx(1_000 * self.latency(side["role"]), abs=WITHIN_MS)
            spoken = sum(len(line.text.split()) for line in LINES if line.voice == side["channel"])
            assert side["words_per_minute"] == pytest.approx(spoken * 60_000 / talk_ms, abs=0.1)

    @staticmethod
    def latency(role):
        """The median pause before a turn that follows one of the other's."""
        order = sorted((start, end, who) for who, turns in FLOOR.items() for start, end in turns)
        return median(
            start - end for (_, end, before), (start, _, who) in pairwise(order) if who == role and before != role
        )


class TestVoice:
    def test_the_customer_is_listened_to_and_the_agent_is_not(self, answer, heard):
        customer, agent = answer["channels"]
        assert (customer["status"], customer["reason"]) == ("analyzed", None)
        assert (agent["status"], agent["overall"]) == ("withheld", None)
        assert {segment["channel"] for segment in answer["timeline"]} == {1}
        lengths = [segment["end_ms"] - segment["start_ms"] for segment in heard]
        check_prediction(customer["overall"], mean(heard, lengths), SPEECH_EMOTIONS)

    def test_the_timeline_covers_the_speech_once_but_for_single_words(self, answer):
        timeline = answer["timeline"]
        assert all(one["end_ms"] <= other["start_ms"] for one, other in pairwise(timeline))
        assert 0 <= timeline[0]["start_ms"] < timeline[-1]["end_ms"] <= DURATION_MS
        spoken = [segment for segment in timeline if segment["source"] == "speech"]
        for segment in spoken:
            distribution(segment, SPEECH_EMOTIONS)
        covered_ms = 0
        for stretch in answer["channels"][0]["speech"]:
            length_ms = stretch["end_ms"] - stretch["start_ms"]
            # A stretch that is shorter than half a second, its padding included, is not cut into segments.
            own_ms = sum(shared_ms(stretch, segment) for segment in spoken)
            assert own_ms == (length_ms if length_ms >= 500 else 0)
            covered_ms += own_ms
        assert covered_ms == sum(segment["end_ms"] - segment["start_ms"] for segment in spoken)

    def test_a_word_of_a_quarter_of_a_second_has_no_voice(self, answer, utterances):
        assert 1_000 * CUSTOMER[-1][0] > answer["timeline"][-1]["end_ms"]
        assert (utterances[-1]["text"], utterances[-1]["voice"]) == ("Bye.", None)

    def test_half_a_second_of_sound_is_too_short_to_rely_on(self, answer):
        short = [segment for segment in answer["timeline"] if segment["abstained"] == "too_short"]
        assert short == [
            segment for segment in answer["timeline"] if segment["end_ms"] - segment["start_ms"] - 2 * PADDING_MS < 500
        ]
        # The last word of the turn in which the customer asks after the silence.
        assert [segment["end_ms"] - PADDING_MS for segment in short] == about([CUSTOMER[4][1]])

    def test_prediction_sets_are_there_where_their_coverage_is_told(self, answer):
        coverage = {model["source"]: model["coverage"] for model in answer["models"]}
        for segment in answer["timeline"]:
            labels = segment["prediction_set"]
            assert (labels is None) == (coverage[segment["source"]] is None)
            assert labels is None or labels[0] == segment["label"]


class TestWords:
    def test_they_are_those_that_were_said_then(self, answer, utterances):
        assert (answer["transcript"]["status"], answer["transcript"]["provider"]) == ("completed", "assemblyai")
        assert [
            (each["channel"], each["text"], each["start_ms"], each["end_ms"], each["speaker"]) for each in utterances
        ] == [(line.voice, line.text, line.start_ms, line.end_ms, None) for line in LINES]
        assert answer["transcript"]["words"]["text"] == " ".join(line.text for line in LINES)
        for each in utterances:
            assert each["role"] == ("customer", "agent")[each["channel"] - 1]
            assert [word["text"] for word in each["words"]] == each["text"].split()
            assert edges(each) == [each["words"][0]["start_ms"], each["words"][-1]["end_ms"]]

    def test_they_lie_in_the_turns_of_who_says_them(self, utterances):
        for each in utterances:
            (start, end) = (each["start_ms"] / 1_000, each["end_ms"] / 1_000)
            assert any(first <= start + 0.2 and end - 0.2 <= last for first, last in FLOOR[each["role"]])

    def test_they_are_read(self, answer, utterances):
        for each in utterances:
            distribution(each["sentiment"], SENTIMENTS)
            distribution(each["emotion"], TEXT_EMOTIONS)
        labels = {each["start_ms"]: each["sentiment"]["label"] for each in utterances}
        assert {start: labels[start] for start in READS} == READS
        check_prediction(answer["transcript"]["words"]["sentiment"], words_of(utterances), SENTIMENTS)

    def test_beside_each_stands_how_the_voice_sounds_meanwhile(self, utterances, heard):
        for each in utterances:
            segments = heard if each["role"] == "customer" else []
            check_prediction(each["voice"], voice_in(each, segments), SPEECH_EMOTIONS)

    def test_agreement_is_what_the_valences_say(self, utterances):
        for each in utterances:
            found = each["comparison"]
            voice = round(voice_valence(scores(each["voice"])), 4) if each["voice"] else None
            text = round(text_valence(scores(each["sentiment"])), 4)
            assert found["voice_valence"] == about_score(voice)
            assert found["text_valence"] == about_score(text)
            assert found["agreement"] == self.agreement(voice, text)
            assert found["distance"] == about_score(None if voice is None else abs(voice - text))
            assert found["valence"] == about_score(text if voice is None else voice / 3 + text * 2 / 3)
        withheld = [each["comparison"]["agreement"] for each in utterances if each["role"] == "agent"]
        assert set(withheld) == {"text_only"}

    @staticmethod
    def agreement(voice, text):
        if voice is None:
            return "text_only"
        if (voice <= -0.5 and text >= 0.5) or (voice >= 0.5 and text <= -0.5):
            return "possible_sarcasm"
        return "masked_negative" if voice <= -0.5 and -0.25 < text < 0.5 else "aligned"


class TestCourse:
    def test_each_quarter_of_each_side(self, answer, utterances, heard):
        for trend, who in zip(answer["conversation"]["trends"], answer["conversation"]["participants"], strict=True):
            assert {name: trend[name] for name in who} == who
            segments = heard if who["role"] == "customer" else []
            said = [each for each in utterances if each["role"] == who["role"]]
            assert [edges(quarter) for quarter in trend["quarters"]] == [
                [DURATION_MS * number // 4, DURATION_MS * (number + 1) // 4] for number in range(4)
            ]
            voices, texts = [], []
            for quarter in trend["quarters"]:
                within = [each for each in said if quarter["start_ms"] <= sum(edges(each)) / 2 < quarter["end_ms"]]
                voice, words = voice_in(quarter, segments), words_of(within)
                check_prediction(quarter["voice"], voice, SPEECH_EMOTIONS)
                check_prediction(quarter["sentiment"], words, SENTIMENTS)
                assert quarter["voice_valence"] == about_score(voice_valence(voice))
                assert quarter["text_valence"] == about_score(text_valence(words))
                voices.append(voice_valence(voice))
                texts.append(text_valence(words))
            assert trend["change"]["voice_valence"] == about_score(voices[3] - voices[0] if segments else None)
            assert trend["change"]["text_valence"] == about_score(texts[3] - texts[0])

    def test_the_customer_comes_to_say_kinder_things(self, answer):
        customer = answer["conversation"]["trends"][0]
        first, *_, last = (quarter["text_valence"] for quarter in customer["quarters"])
        assert first < -0.3
        assert last > 0.3
        assert customer["change"]["text_valence"] == pytest.approx(last - first, abs=1e-4)

    def test_the_call_is_the_customers(self, answer, utterances, heard):
        found = answer["conversation"]
        voice = voice_valence(mean(heard, [segment["end_ms"] - segment["start_ms"] for segment in heard]))
        text = text_valence(words_of([each for each in utterances if each["role"] == "customer"]))
        assert found["voice_valence"] == about_score(voice)
        assert found["text_valence"] == about_score(text)
        assert found["valence"] == about_score(voice / 3 + text * 2 / 3)


class TestMoments:
    """Of each kind the most striking comes first; all of them can be found again where they say."""

    def of(self, answer, kind):
        found = [moment for moment in answer["conversation"]["moments"] if moment["kind"] == kind]
        assert len(found) <= 3
        for moment in found:
            assert 0 <= moment["start_ms"] < moment["end_ms"] <= DURATION_MS
        for who in (0, 1):
            starts = sorted(moment["start_ms"] for moment in found if moment["participant"] == who)
            assert all(later - start >= 10_000 for start, later in pairwise(starts))
        return found

    def test_unpleasant_voices(self, answer, utterances, heard):
        found = self.of(answer, "negative_voice")
        valences = {tuple(edges(each)): voice_valence(scores(each)) for each in heard}
        assert [moment["value"] for moment in found] == pytest.approx(
            [valences[tuple(edges(moment))] for moment in found], abs=1e-4
        )
        clear = sorted(valence for valence in valences.values() if valence <= -0.5)
        assert [moment["value"] for moment in found[:1]] == pytest.approx(clear[:1], abs=1e-4)
        for moment in found:
            assert moment["participant"] == 0
            own = [each for each in utterances if each["role"] == "customer" and shared_ms(moment, each)]
            assert moment["text"] == max(own, key=lambda each: shared_ms(moment, each))["text"]

    @pytest.mark.parametrize(
        ("kind", "measure", "agreements"),
        [
            ("negative_words", "text_valence", None),
            ("disagreement", "distance", {"masked_negative", "possible_sarcasm"}),
        ],
    )
    def test_what_was_said(self, answer, utterances, kind, measure, agreements):
        found = self.of(answer, kind)
        by_span = {tuple(edges(each)): each for each in utterances}
        for moment in found:
            utterance = by_span[tuple(edges(moment))]
            assert (moment["text"], moment["value"]) == (utterance["text"], utterance["comparison"][measure])
            assert moment["participant"] == utterance["channel"] - 1
        values = [
            each["comparison"][measure]
            for each in utterances
            if (each["comparison"]["agreement"] in agreements if agreements else each["comparison"][measure] <= -0.5)
        ]
        assert [abs(moment["value"]) for moment in found[:1]] == sorted(map(abs, values), reverse=True)[:1]
        assert [abs(moment["value"]) for moment in found] == sorted(
            (abs(moment["value"]) for moment in found), reverse=True
        )

    def test_the_words_that_anybody_would_jump_to(self, answer):
        assert "That is awful service." in " ".join(moment["text"] for moment in self.of(answer, "negative_words"))


class TestRules:
    def test_those_that_are_true_tag_the_call_and_no_other(self, answer):
        assert [(tag["tag"], tag["rule"]) for tag in answer["tags"]] == [
            ("silence", HOUSE_RULES[0].when),
            ("long-winded", ASKED_RULES[0]["when"]),
            ("friendly-end", ASKED_RULES[3]["when"]),
        ]

    def test_the_evidence_is_what_stands_elsewhere_in_the_answer(self, answer):
        evidence = {tag["tag"]: {each["measure"]: each["value"] for each in tag["evidence"]} for tag in answer["tags"]}
        silence = answer["conversation"]["dynamics"]["non_talk_time"]["total_ms"]
        customer = answer["conversation"]["dynamics"]["participants"][0]
        course = answer["conversation"]["trends"][0]
        monologue = customer["longest_monologue"]
        assert evidence == {
            "silence": {"call.longest_silence_seconds": silence / 1_000},
            "long-winded": {
                "customer.longest_monologue_seconds": (monologue["end_ms"] - monologue["start_ms"]) / 1_000,
                "customer.text_valence_change": course["change"]["text_valence"],
            },
            "friendly-end": {"customer.text_valence_last_quarter": course["quarters"][3]["text_valence"]},
        }


class TestCrm:
    @pytest.mark.parametrize("format_", Format)
    def test_each_is_told_of_this_analysis(self, answer, payloads, format_):
        expected = crm.payload(Analysis.model_validate(answer), format_)
        assert payloads[format_] == json.loads(expected.model_dump_json())

    def test_hubspot(self, payloads):
        call = payloads[Format.hubspot]["properties"]
        assert (call["hs_call_title"], call["hs_call_duration"]) == ("Call call-42", str(DURATION_MS))
        assert call["hs_timestamp"] == "2026-01-31T08:30:00.000Z"
        lines = html.unescape(call["hs_call_body"].replace("<br>", "\n")).split("\n")
        assert lines[-1] == "4:04 Customer: Bye."
        self.check_findings(lines)

    def test_salesforce(self, payloads):
        call = payloads[Format.salesforce]
        start, end = (datetime.fromisoformat(call[name]) for name in ("CallStartDateTime", "CallEndDateTime"))
        assert end - start == timedelta(milliseconds=DURATION_MS)
        assert call["CallDurationInSeconds"] == 245
        lines = call["Description"].split("\n")
        assert [line.partition(": ")[2] for line in lines[-len(LINES) :]] == [line.text for line in LINES]
        self.check_findings(lines)

    def test_zendesk(self, payloads):
        ticket = payloads[Format.zendesk]["ticket"]
        assert ticket["tags"] == ["friendly-end", "long-winded", "silence"]
        assert ticket["voice_comment"]["call_duration"] == 245
        said = ticket["voice_comment"]["transcription_text"].split("\n")
        assert [line.partition(": ")[2] for line in said] == [line.text for line in LINES]
        self.check_findings(ticket["comment"]["body"].split("\n"))

    def check_findings(self, lines):
        assert "Agent, voice: withheld." in lines
        assert "Silence of three seconds and more: 0:03." in lines
        assert any(line.startswith("0:32 Customer, the words are unpleasant (") for line in lines)
        assert any(line.startswith("Tag silence: call.longest_silence_seconds > 3 (") for line in lines)


def test_the_same_bytes_have_the_same_answer_but_for_its_id_and_times(told):
    (one, _), (other, _) = told
    of_the_request = ("id", "created_at", "completed_at")
    assert all(one[name] != other[name] for name in of_the_request)
    assert json.dumps({**one, **dict.fromkeys(of_the_request)}) == json.dumps(
        {**other, **dict.fromkeys(of_the_request)}
    )
