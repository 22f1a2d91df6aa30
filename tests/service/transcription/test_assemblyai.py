"""The steps of an order, against a fake that holds both sides to AssemblyAI's own document."""

import asyncio
import hashlib
import io
import json
import logging
import threading

import anyio
import httpx2
import pytest
from anyio.lowlevel import checkpoint
from pydantic import SecretStr

from service.transcription import Order, Phase, Refused, Unavailable, Waiting
from service.transcription.assemblyai import (
    POLL_SECONDS,
    WEBHOOK_HEADER,
    WEBHOOK_POLL_SECONDS,
    AssemblyAI,
)
from tests.assemblyai import (
    DELETED_URL,
    DOWN,
    KEY,
    SCRIPT,
    STUCK,
    TOO_MANY,
    Answer,
    Early,
    Lost,
    Operation,
    Slow,
    Truncated,
    rejection,
)

pytestmark = pytest.mark.anyio

UPLOAD = "https://cdn.assemblyai.com/upload/1"


async def submitting(provider, request):
    """An order that is about to be placed."""
    order = Order()
    while order.phase is not Phase.submitting:
        order = (await provider.advance(request, order)).order
    return order


async def submitted(provider, request):
    return (await provider.advance(request, await submitting(provider, request))).order


class TestOrdering:
    async def test_each_call_takes_one_step(self, fake, provider, request_with, drive):
        transcript, waits = await drive(provider, request_with())
        assert [wait.order.phase for wait in waits] == [
            Phase.uploaded,
            Phase.submitting,
            Phase.submitted,
            Phase.submitted,
            Phase.submitted,
        ]
        assert [wait.seconds for wait in waits] == [0, 0, POLL_SECONDS, POLL_SECONDS, POLL_SECONDS]
        assert transcript.text == " ".join(text for _, text in SCRIPT)
        assert list(fake.ordered.values()) == [1]

    async def test_the_recording_arrives_as_it_is(self, fake, provider, request_with):
        audio = bytes(range(256)) * 20_000
        answer = await provider.advance(request_with(audio), Order())
        upload = fake.uploads[answer.order.upload_url]
        assert (upload.size, upload.sha256) == (len(audio), hashlib.sha256(audio).hexdigest())

    async def test_the_recording_is_read_in_pieces_beside_the_event_loop_and_closed(self, provider, request_with):
        class Blocking(io.BytesIO):
            def read(self, size=-1):
                assert threading.current_thread() is not threading.main_thread()
                assert 0 < size <= 1 << 20
                return super().read(size)

        def opened():
            assert threading.current_thread() is not threading.main_thread()
            return file

        file = Blocking(bytes(3_000_000))
        await provider.advance(request_with(open=opened), Order())
        assert file.closed

    async def test_a_file_that_cannot_be_read_is_no_answer_of_the_provider(self, provider, request_with):
        def opened():
            raise FileNotFoundError("gone")

        with pytest.raises(FileNotFoundError):
            await provider.advance(request_with(open=opened), Order())

    async def test_an_order_is_stored_before_it_is_placed(self, fake, provider, request_with):
        requests = fake.requests.copy()
        answer = await provider.advance(request_with(), Order(Phase.uploaded, UPLOAD))
        assert answer == Waiting(Order(Phase.submitting, UPLOAD), 0)
        assert fake.requests == requests

    async def test_an_order_that_lacks_what_its_phase_brings_is_a_fault_of_ours(self, provider, request_with):
        with pytest.raises(ValueError, match="an order cannot be submitted"):
            await provider.advance(request_with(), Order(Phase.submitted))


class TestNothingIsOrderedTwice:
    async def test_the_answer_to_the_order_is_lost(self, fake, provider, request_with, drive):
        order = await submitting(provider, request_with())
        fake.plan(Operation.create, Lost())
        with pytest.raises(Unavailable, match=r"cannot be reached \(ReadError\)"):
            await provider.advance(request_with(), order)
        _, waits = await drive(provider, request_with(), order)
        assert list(fake.ordered.values()) == [1]
        assert [waits[0].order.remote_id] == list(fake.orders)

    @pytest.mark.parametrize(
        "fault", [Truncated(), Answer(200, b"[]", foreign=True), Answer(200, b"\xff", foreign=True)]
    )
    async def test_the_answer_to_the_order_is_damaged(self, fake, provider, request_with, drive, fault):
        order = await submitting(provider, request_with())
        fake.plan(Operation.create, fault)
        with pytest.raises(Unavailable, match="cannot be understood"):
            await provider.advance(request_with(), order)
        await drive(provider, request_with(), order)
        assert list(fake.ordered.values()) == [1]

    async def test_another_process_takes_the_order_over(self, fake, provider, provider_with, request_with):
        order = await submitting(provider, request_with())
        first = await provider.advance(request_with(), order)
        second = await provider_with(fake.transport()).advance(request_with(), order)
        assert first == second
        assert list(fake.ordered.values()) == [1]

    async def test_an_older_order_is_found_on_a_later_page(self, fake, provider, request_with):
        order = await submitting(provider, request_with())
        first = await provider.advance(request_with(), order)
        for number in range(450):
            audio_url = f"https://cdn.assemblyai.com/upload/other-{number}"
            fake.uploads[audio_url] = fake.uploads[order.upload_url]
            await order_directly(fake, audio_url)
        lists = fake.requests[Operation.list]
        assert await provider.advance(request_with(), order) == first
        assert fake.requests[Operation.list] == lists + 3
        assert fake.ordered[order.upload_url] == 1

    async def test_the_list_is_followed_for_so_long_only_and_to_no_other_host(self, provider_with, request_with):
        asked = []

        def answer(request):
            asked.append(request.url)
            if request.method == "POST":
                return httpx2.Response(200, json={"id": "t1", "status": "queued", "audio_url": UPLOAD})
            page = {"id": f"id{len(asked)}", "audio_url": "https://example.com/other"}
            details = {"prev_url": "https://evil.example/v2/transcript"}
            return httpx2.Response(200, json={"page_details": details, "transcripts": [page]})

        provider = provider_with(httpx2.MockTransport(answer))
        placed = await provider.advance(request_with(), Order(Phase.submitting, UPLOAD))
        assert placed.order.remote_id == "t1"
        assert {url.host for url in asked} == {"api.assemblyai.com"}
        assert [url.params.get("before_id") for url in asked] == [None, *(f"id{page}" for page in range(1, 10)), None]

    async def test_the_list_is_not_read_so_nothing_is_ordered(self, fake, provider, request_with):
        order = await submitting(provider, request_with())
        fake.plan(Operation.list, DOWN, rejection(400, "not now"))
        for reason in ("status 503", r"does not list its transcripts \(400\)"):
            with pytest.raises(Unavailable, match=reason):
                await provider.advance(request_with(), order)
        assert not fake.ordered


async def order_directly(fake, audio_url):
    body = {"audio_url": audio_url, "speech_models": ["universal-2"]}
    async with httpx2.AsyncClient(transport=fake.transport(), base_url="https://api.assemblyai.com") as client:
        answer = await client.post("/v2/transcript", json=body, headers={"Authorization": KEY})
        assert answer.status_code == 200


class TestParameters:
    @pytest.mark.parametrize("separate", [True, False])
    @pytest.mark.parametrize("language", [None, "de"])
    @pytest.mark.parametrize("redact_pii", [True, False])
    @pytest.mark.parametrize("public_url", ["", "https://emotions.example.com/"])
    async def test_every_combination_is_one_that_the_document_allows(
        self, shared, fake, provider_with, request_with, drive, separate, language, redact_pii, public_url
    ):
        assert (shared / "assemblyai" / "openapi.json").is_file()  # the fake reads it
        provider = provider_with(fake.transport(), redact_pii=redact_pii, public_url=public_url)
        await drive(provider, request_with(separate=separate, language=language))
        (order,) = fake.orders.values()
        assert order.parameters["speech_models"] == ["universal-3-pro", "universal-2"]
        assert order.parameters.get("multichannel", False) is separate
        assert order.parameters.get("speaker_labels", False) is not separate
        assert order.parameters.get("language_code") == language
        assert order.parameters.get("language_detection", False) is (language is None)
        assert order.parameters.get("redact_pii", False) is redact_pii
        assert ("webhook_url" in order.parameters) is bool(public_url)

    @pytest.mark.parametrize(
        ("language", "code"),
        [("en", "en"), ("en_US", "en_us"), ("en-GB", "en_uk"), ("en_nz", "en"), ("de_AT", "de"), ("DE", "de")],
    )
    async def test_a_region_is_sent_where_assemblyai_knows_it(self, fake, provider, request_with, language, code):
        await submitted(provider, request_with(language=language))
        (order,) = fake.orders.values()
        assert order.parameters["language_code"] == code

    async def test_personal_data_is_replaced_by_its_kind(self, fake, provider_with, request_with):
        await submitted(provider_with(fake.transport(), redact_pii=True), request_with())
        (order,) = fake.orders.values()
        assert order.parameters["redact_pii_sub"] == "entity_name"
        assert {"person_name", "phone_number", "credit_card_number"} <= set(order.parameters["redact_pii_policies"])


class TestTranscript:
    async def test_channels_are_told_apart(self, provider, request_with, drive):
        transcript, _ = await drive(provider, request_with(separate=True))
        assert [(item.channel, item.speaker, item.text) for item in transcript.utterances] == [
            (channel, None, text) for channel, text in SCRIPT
        ]
        assert transcript.language == "en"
        assert transcript.model == "universal-3-pro"

    async def test_voices_are_told_apart(self, provider, request_with, drive):
        transcript, _ = await drive(provider, request_with())
        assert [(item.channel, item.speaker) for item in transcript.utterances] == [
            (None, "A"),
            (None, "B"),
            (None, "A"),
            (None, "B"),
        ]
        first = transcript.utterances[0]
        assert (first.start_ms, first.words[0].text, first.words[0].start_ms) == (240, "Good", 240)
        assert first.words[-1].end_ms == first.end_ms
        assert first.confidence == 0.97

    async def test_what_is_not_divided_is_one_utterance(self, answered):
        words = [
            {"text": "Hello", "start": 10, "end": 90, "confidence": 0.5},
            {"text": "there", "start": 100, "end": 200, "confidence": 1},
        ]
        transcript = await answered(text="Hello there", words=words, utterances=None)
        (utterance,) = transcript.utterances
        assert (utterance.start_ms, utterance.end_ms, utterance.text) == (10, 200, "Hello there")
        assert utterance.confidence == 0.75
        assert [word.text for word in utterance.words] == ["Hello", "there"]

    async def test_silence_is_a_transcript_without_words(self, answered):
        transcript = await answered(text=None, words=None, utterances=None)
        assert (transcript.text, transcript.utterances) == ("", ())

    async def test_utterances_are_sorted_and_never_end_before_they_start(self, answered):
        late = {"text": "b", "start": 500, "end": 499, "confidence": 1, "words": [], "channel": "2", "speaker": "2"}
        early = {**late, "text": "a", "start": 100, "end": 200, "channel": "1"}
        transcript = await answered(utterances=[late, early])
        assert [(item.text, item.start_ms, item.end_ms) for item in transcript.utterances] == [
            ("a", 100, 200),
            ("b", 500, 500),
        ]


@pytest.fixture
def answered(provider_with, request_with):
    """The transcript of a completed order that AssemblyAI shows with these members."""

    async def advance(**members):
        shown = {"id": "t1", "status": "completed", "audio_url": UPLOAD, **members}
        provider = provider_with(httpx2.MockTransport(lambda _: httpx2.Response(200, json=shown)))
        return await provider.advance(request_with(), Order(Phase.submitted, UPLOAD, "t1"))

    return advance


class TestWebhook:
    @pytest.fixture
    def received(self):
        return []

    @pytest.fixture
    def sender(self, received):
        async def send(url, headers, body):
            received.append((url, headers, body))
            return 200

        return send

    @pytest.fixture
    def provider(self, fake, provider_with):
        return provider_with(fake.transport(), public_url="https://emotions.example.com")

    async def test_it_carries_a_secret_that_is_accepted(self, fake, provider, received, request_with):
        order = await submitted(provider, request_with(analysis_id="an_7"))
        await fake.finish(order.remote_id)
        ((url, headers, body),) = received
        assert url == "https://emotions.example.com/webhooks/assemblyai/an_7"
        assert body == {"transcript_id": order.remote_id, "status": "completed"}
        assert provider.accepts("an_7", headers[WEBHOOK_HEADER])

    async def test_the_provider_is_asked_less_often(self, fake, provider, request_with):
        order = await submitting(provider, request_with())
        assert (await provider.advance(request_with(), order)).seconds == WEBHOOK_POLL_SECONDS

    async def test_it_may_come_twice_and_before_the_order_is_answered(self, fake, provider, received, request_with):
        fake.plan(Operation.create, Early())
        order = await submitted(provider, request_with())
        await fake.finish(order.remote_id)
        assert len(received) == 2
        assert (await provider.advance(request_with(), order)).text

    async def test_a_secret_holds_for_one_analysis(self, fake, provider, received, request_with):
        order = await submitted(provider, request_with(analysis_id="an_7"))
        await fake.finish(order.remote_id)
        assert not provider.accepts("an_8", received[0][1][WEBHOOK_HEADER])

    @pytest.mark.parametrize("value", [None, "", "wrong", "\xe4\xf6", "\udcff", KEY])
    async def test_anything_else_is_not_accepted(self, provider, value):
        assert not provider.accepts("an_7", value)

    async def test_a_wrong_secret_is_not_accepted(self, fake, provider, received, request_with):
        order = await submitted(provider, request_with(analysis_id="an_7"))
        await fake.finish(order.remote_id, secret="forged")  # noqa: S106
        assert not provider.accepts("an_7", received[0][1][WEBHOOK_HEADER])

    async def test_another_key_makes_another_secret(self, fake, provider, provider_with, received, request_with):
        order = await submitted(provider, request_with(analysis_id="an_7"))
        await fake.finish(order.remote_id)
        other = provider_with(fake.transport(), api_key=SecretStr("other"))
        assert not other.accepts("an_7", received[0][1][WEBHOOK_HEADER])


class TestUnavailable:
    """Trying again later may help."""

    @pytest.mark.parametrize("operation", [Operation.upload, Operation.list, Operation.create, Operation.get])
    @pytest.mark.parametrize(
        ("fault", "reason", "retry_after"),
        [
            (TOO_MANY, "takes no more requests", 7),
            (DOWN, "answers with status 503", None),
            (Answer(503, headers={"Retry-After": "30"}), "answers with status 503", 30),
            (rejection(500, "Internal Server Error"), "answers with status 500", None),
            (rejection(401, "Authentication error"), "refuses the key", None),
            (Answer(302, headers={"Location": "https://evil.example/"}, foreign=True), "status 302", None),
            (Answer(404, b"<html>proxy</html>", foreign=True), "answers with status 404", None),
            (Truncated(), "cannot be understood", None),
            (Answer(200, b"<html>", foreign=True), "cannot be understood", None),
            (Answer(200, b"", foreign=True), "cannot be understood", None),
            (Lost(), r"cannot be reached \(ReadError\)", None),
            (
                rejection(400, "Your current account balance is negative. Please top up to continue using the API."),
                "no funds left",
                None,
            ),
        ],
    )
    async def test_a_fault_may_pass(self, fake, provider, request_with, drive, operation, fault, reason, retry_after):
        order = Order()
        if operation is not Operation.upload:
            order = await submitting(provider, request_with())
        if operation is Operation.get:
            order = (await provider.advance(request_with(), order)).order
        fake.plan(operation, fault)
        with pytest.raises(Unavailable, match=reason) as caught:
            await provider.advance(request_with(), order)
        assert caught.value.retry_after == retry_after
        assert (await drive(provider, request_with(), order))[0].text  # with the same order
        assert max(fake.ordered.values()) == 1

    @pytest.mark.parametrize(
        "error",
        [
            httpx2.ConnectError("no route"),
            httpx2.ConnectTimeout("slow"),
            httpx2.ReadTimeout("slow"),
            httpx2.WriteTimeout("slow"),
            httpx2.PoolTimeout("busy"),
            httpx2.RemoteProtocolError("nonsense"),
            httpx2.ProxyError("no"),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_the_connection_fails(self, provider_with, request_with, error):
        def fail(_):
            raise error

        with pytest.raises(Unavailable, match=type(error).__name__):
            await provider_with(httpx2.MockTransport(fail)).advance(request_with(), Order())

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0),
            ("7", 7),
            ("86400", 3600),
            ("Fri, 15 Jan 2027 08:00:20 GMT", 20),
            ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
            ("-1", None),
            ("soon", None),
            ("9" * 5000, None),
            ("", None),
        ],
    )
    async def test_retry_after_is_seconds_or_a_date(self, provider_with, request_with, value, seconds):
        answer = httpx2.Response(429, headers={"Retry-After": value})
        provider = provider_with(httpx2.MockTransport(lambda _: answer))
        with pytest.raises(Unavailable) as caught:
            await provider.advance(request_with(), Order())
        assert caught.value.retry_after == seconds

    async def test_a_slow_answer_holds_nobody_else_up(self, fake, provider, request_with, drive):
        event = asyncio.Event()
        order = await submitted(provider, request_with())
        fake.plan(Operation.get, Slow(event))
        answers = []

        async def slow():
            answers.append(await provider.advance(request_with(), order))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            while fake.requests[Operation.get] == 0:
                await checkpoint()
            transcript, _ = await drive(provider, request_with(b"another"))
            assert transcript.text
            assert not answers
            event.set()
        assert answers == [Waiting(order, POLL_SECONDS)]

    async def test_an_order_may_wait_for_ever(self, fake, provider, request_with):
        fake.outcome(STUCK)
        order = await submitted(provider, request_with())
        for _ in range(5):
            assert await provider.advance(request_with(), order) == Waiting(order, POLL_SECONDS)


class TestRefused:
    """Trying again does not help."""

    @pytest.mark.parametrize("operation", [Operation.upload, Operation.create, Operation.get])
    @pytest.mark.parametrize("status", [400, 404])
    async def test_assemblyai_says_why(self, fake, provider, request_with, operation, status):
        order = Order()
        if operation is not Operation.upload:
            order = await submitting(provider, request_with())
        if operation is Operation.get:
            order = (await provider.advance(request_with(), order)).order
        fake.plan(operation, rejection(status, "This is not audio"))
        with pytest.raises(Refused, match="This is not audio"):
            await provider.advance(request_with(), order)

    async def test_the_transcript_ends_with_an_error(self, fake, provider, request_with, drive):
        fake.outcome("Transcoding failed. File does not appear to contain audio.")
        with pytest.raises(Refused, match="Transcoding failed"):
            await drive(provider, request_with())

    async def test_the_transcript_is_unknown(self, provider, request_with):
        with pytest.raises(Refused, match="Not found"):
            await provider.advance(request_with(), Order(Phase.submitted, UPLOAD, "t1"))

    async def test_the_transcript_was_deleted_in_the_meantime(self, answered):
        with pytest.raises(Refused, match="was deleted at AssemblyAI"):
            await answered(text="Deleted by user.", audio_url=DELETED_URL)

    async def test_no_reason_is_given(self, answered):
        with pytest.raises(Refused, match="gave no reason"):
            await answered(status="error")


class TestUploadGone:
    @pytest.mark.parametrize("status", [400, 403])
    async def test_the_recording_is_uploaded_again(self, fake, provider, request_with, drive, status):
        order = await submitting(provider, request_with())
        fake.plan(Operation.create, Answer(status, b'{"error": "Cannot access uploaded file"}', foreign=True))
        assert await provider.advance(request_with(), order) == Waiting(Order(), 60)
        transcript, _ = await drive(provider, request_with())
        assert transcript.text
        assert len(fake.uploads) == 2
        assert list(fake.ordered.values()) == [1]

    async def test_a_key_that_may_not_upload_can_be_mended(self, fake, provider, request_with):
        fake.plan(Operation.upload, rejection(403, "Cannot access uploaded file"))
        with pytest.raises(Unavailable, match="takes no upload with this key"):
            await provider.advance(request_with(), Order())


class TestForget:
    async def test_a_transcript_is_deleted_with_its_upload(self, fake, provider, request_with, drive):
        _, waits = await drive(provider, request_with())
        await provider.forget(waits[-1].order)
        assert [order.deleted for order in fake.orders.values()] == [True]
        assert not fake.uploads
        await provider.forget(waits[-1].order)

    @pytest.mark.parametrize("order", [Order(), Order(Phase.uploaded, UPLOAD)])
    async def test_before_an_order_there_is_nothing_to_delete(self, fake, provider, order):
        await provider.forget(order)
        assert not fake.requests

    async def test_an_order_of_which_nothing_is_known_is_looked_for(self, fake, provider, request_with, drive):
        order = await submitting(provider, request_with())
        await provider.forget(order)
        assert fake.requests[Operation.delete] == 0
        await drive(provider, request_with(), order)
        await provider.forget(order)
        assert [placed.deleted for placed in fake.orders.values()] == [True]

    @pytest.mark.parametrize(
        "answer", [rejection(404, "Not found"), rejection(400, "Transcript lookup error, transcript id not found")]
    )
    async def test_what_is_not_there_is_deleted(self, fake, provider, answer):
        fake.plan(Operation.delete, answer)
        await provider.forget(Order(Phase.submitted, UPLOAD, "t1"))

    async def test_what_is_worked_on_is_deleted_later(self, fake, provider, request_with, drive):
        order = await submitted(provider, request_with())
        with pytest.raises(Unavailable, match=r"does not delete the transcript \(400\)"):
            await provider.forget(order)
        await drive(provider, request_with(), order)
        await provider.forget(order)

    @pytest.mark.parametrize("fault", [TOO_MANY, DOWN, Lost(), rejection(401, "no")])
    async def test_a_fault_may_pass(self, fake, provider, request_with, drive, fault):
        _, waits = await drive(provider, request_with())
        fake.plan(Operation.delete, fault)
        with pytest.raises(Unavailable):
            await provider.forget(waits[-1].order)
        await provider.forget(waits[-1].order)


class TestSecrets:
    async def test_neither_errors_nor_logs_show_the_key_or_an_address(self, fake, provider, request_with, caplog):
        caplog.set_level(logging.DEBUG)
        order = await submitting(provider, request_with())
        signed = "https://cdn.assemblyai.com/upload/1?signature=abc"
        fake.plan(Operation.create, rejection(400, f"Download error, unable\nto download {signed} for us."), Lost())
        with pytest.raises(Refused) as refused:
            await provider.advance(request_with(), order)
        assert refused.value.reason == "Download error, unable to download (address) for us."
        with pytest.raises(Unavailable) as unavailable:
            await provider.advance(request_with(), order)
        assert unavailable.value.__suppress_context__
        assert KEY not in caplog.text
        assert "signature" not in caplog.text
        assert order.upload_url not in caplog.text
        assert KEY not in repr(provider)

    async def test_long_messages_are_cut(self, answered):
        with pytest.raises(Refused) as refused:
            await answered(status="error", error="no " * 10_000)
        assert len(refused.value.reason) <= 300

    async def test_a_key_that_no_header_can_carry_is_not_shown(self, provider_with, request_with):
        provider = provider_with(None, api_key=SecretStr("secret\n"), base_url="http://127.0.0.1:9")
        with pytest.raises(Unavailable) as unavailable:
            await provider.advance(request_with(), Order())
        assert "secret" not in str(unavailable.value)
        await provider.close()


async def test_it_is_a_remote_provider_that_can_be_closed(provider):
    assert (provider.name, provider.remote) == ("assemblyai", True)
    assert isinstance(provider, AssemblyAI)
    await provider.close()


async def test_the_bodies_are_json_of_the_documented_members_only(fake, provider, request_with):
    order = await submitted(provider, request_with())
    sent = fake.orders[order.remote_id].parameters
    assert json.loads(json.dumps(sent)) == {
        "audio_url": order.upload_url,
        "speech_models": ["universal-3-pro", "universal-2"],
        "speaker_labels": True,
        "language_detection": True,
    }
