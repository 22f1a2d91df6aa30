"""The fake over real HTTP, with the official SDK as the independent client that says whether it is faithful."""

import assemblyai
import pytest

from service.transcription import Order, Phase, Unavailable
from tests.assemblyai import KEY, SCRIPT, FakeAssemblyAI, Lost, Operation, served

WORDS = " ".join(text for _, text in SCRIPT)


@pytest.fixture
def address(fake):
    with served(fake) as address:
        yield address


@pytest.fixture
def transcriber(address, monkeypatch):
    for name, value in {"base_url": address, "api_key": KEY, "polling_interval": 0.01}.items():
        monkeypatch.setattr(assemblyai.settings, name, value)
    monkeypatch.setattr(assemblyai.Client, "_default", None)
    yield assemblyai.Transcriber()
    assemblyai.Client.get_default().http_client.close()


# The SDK 1.8 still uses names of pydantic 1.
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
@pytest.mark.parametrize("separate", [True, False])
def test_the_sdk_completes_a_transcript(transcriber, fake, sample_call, separate):
    config = assemblyai.TranscriptionConfig(
        speech_models=["universal-2"], multichannel=separate, speaker_labels=not separate, language_detection=True
    )
    transcript = transcriber.transcribe(str(sample_call), config)
    assert (transcript.status, transcript.text) == (assemblyai.TranscriptStatus.completed, WORDS)
    assert [item.channel for item in transcript.utterances] == ["1", "2", "1", "2"] if separate else [None] * 4
    assert [page.id for page in transcriber.list_transcripts().transcripts] == [transcript.id]
    (upload,) = fake.uploads.values()
    assert upload.size == sample_call.stat().st_size
    assemblyai.Transcript.delete_by_id(transcript.id)
    assert not fake.uploads


@pytest.mark.anyio
async def test_our_client_does_so_on_the_same_server(address, fake, sample_call, provider_with, request_with, drive):
    provider = provider_with(None, base_url=address)
    transcript, waits = await drive(provider, request_with(open=lambda: sample_call.open("rb"), separate=True))
    assert transcript.text == WORDS
    (upload,) = fake.uploads.values()
    assert upload.size == sample_call.stat().st_size
    await provider.forget(waits[-1].order)
    assert not fake.uploads
    await provider.close()


@pytest.mark.anyio
async def test_a_connection_that_ends_in_an_answer_orders_nothing_twice(
    address, fake, provider_with, request_with, drive
):
    provider = provider_with(None, base_url=address)
    fake.plan(Operation.create, Lost())
    with pytest.raises(Unavailable, match="cannot be reached"):
        await drive(provider, request_with())
    (upload_url,) = fake.uploads
    await drive(provider, request_with(), Order(Phase.submitting, upload_url))
    assert list(fake.ordered.values()) == [1]
    await provider.close()


@pytest.mark.anyio
async def test_nobody_listens(provider_with, request_with):
    with served(FakeAssemblyAI()) as address:
        pass
    provider = provider_with(None, base_url=address)
    with pytest.raises(Unavailable, match=r"cannot be reached \(ConnectError\)"):
        await provider.advance(request_with(), Order())
    await provider.close()
