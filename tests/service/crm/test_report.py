from service.analyses.acoustic import ChannelStatus, Role
from service.crm.report import findings, title, transcript
from service.schemas.conversation import Agreement, Participant, Tag
from tests.service.crm.kit import SAID, analysis
from tests.service.rules.kit import conversation, sentiment, utterance, words


def test_all_that_was_found():
    said = SAID.model_copy(update={"sentiment": sentiment(negative=0.7, neutral=0.2)})
    assert findings(analysis(said=said)) == [
        "Customer, voice: angry 51 %, sad 30 %.",
        "Agent, voice: withheld.",
        "Words: negative 70 %, neutral 20 %.",
        "Customer has 25 % of the talk and interrupts 0 times.",
        "Agent has 75 % of the talk and interrupts once.",
        "Silence of three seconds and more: 0:09.",
        "1:05 Customer, the voice is unpleasant (-0.81): “That is fine.”",
        "Tag escalate: customer.anger > 0.5 (customer.anger = 0.51).",
        "Voice to Value, analysis an_01kg9h1s000000000000000001, models speech_encoder 1.0.0.",
    ]


def test_before_words_conversation_and_tags():
    assert findings(analysis(said=None, conversation=None, tags=None)) == [
        "Customer, voice: angry 51 %, sad 30 %.",
        "Agent, voice: withheld.",
        "Voice to Value, analysis an_01kg9h1s000000000000000001, models speech_encoder 1.0.0.",
    ]
    assert transcript(analysis(said=None)) == []


def test_a_channel_with_hardly_any_speech():
    heard = analysis()
    heard.channels[1].status = ChannelStatus.no_speech
    assert "Agent, voice: too little speech." in findings(heard)


def test_a_tag_that_took_no_evidence():
    assert "Tag all: 1 > 0." in findings(analysis(tags=[Tag(tag="all", rule="1 > 0", evidence=[])]))


def test_voices_that_are_not_told_apart():
    mixed = conversation(participants=[Participant(channel=None, role=Role.unknown, speaker=None)])
    for side in mixed.dynamics.participants:
        side.interruptions = None
    lines = findings(analysis(conversation=mixed))
    assert not [line for line in lines if "interrupts" in line]
    assert "1:05 Somebody, the voice is unpleasant (-0.81): “That is fine.”" in lines


def test_a_call_is_called_what_the_caller_calls_it():
    assert title(analysis()) == "Call call-42"
    assert title(analysis(external_id=None)) == "Call an_01kg9h1s000000000000000001"


def test_who_said_what_when():
    said = words(
        utterance(Role.customer, "Hello.", Agreement.text_only, None),
        utterance(Role.unknown, "Hi.", Agreement.text_only, None, channel=2, start_ms=61_900),
        utterance(Role.unknown, "Who?", Agreement.text_only, None, channel=None, speaker="B", start_ms=3_600_000),
    )
    assert transcript(analysis(said=said)) == ["0:00 Customer: Hello.", "1:01 Channel 2: Hi.", "60:00 Speaker B: Who?"]
