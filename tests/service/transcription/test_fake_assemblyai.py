"""The fake itself, where a test that trusts it could be deceived."""

import json

import httpx2
import jsonschema
import pytest

from tests.assemblyai import DOCUMENT, KEY, Contract, FakeAssemblyAI, Operation, served

pytestmark = pytest.mark.anyio

ORDER = {"speech_models": ["universal-2"], "webhook_url": "https://emotions.example.com/hook"}


@pytest.fixture
def answers():
    """What the receiver of webhooks answers, one after the other."""
    return [200]


@pytest.fixture
def sender(answers):
    async def send(url, headers, body):
        return answers.pop(0)

    return send


@pytest.fixture
async def client(fake):
    async with httpx2.AsyncClient(
        transport=fake.transport(), base_url="https://api.assemblyai.com", headers={"Authorization": KEY}
    ) as client:
        yield client


@pytest.fixture
async def ordered(client):
    """The id of a transcript that was ordered."""
    uploaded = (await client.post("/v2/upload", content=b"RIFF")).json()["upload_url"]
    return (await client.post("/v2/transcript", json={**ORDER, "audio_url": uploaded})).json()["id"]


async def test_what_the_document_does_not_allow_is_refused_and_remembered(shared, fake, client):
    wrong = [{**ORDER}, {"audio_url": "https://x.example/"}, {**ORDER, "audio_url": "x"}, {**ORDER, "audio": "x"}]
    for body in wrong:
        assert (await client.post("/v2/transcript", json=body)).status_code == 400
    for query in ({"limit": 201}, {"before_id": "1"}, {"page": 2}):
        assert (await client.get("/v2/transcript", params=query)).status_code == 400
    assert len(fake.violations) == 7
    fake.violations.clear()


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        (Operation.upload, 200, b'{"upload_url": "somewhere"}'),
        (Operation.get, 200, b'{"id": "9ea68fd3-f953-42c1-9742-976c447fb463", "status": "completed"}'),
        (Operation.get, 404, b'{"detail": "Not found"}'),
        (Operation.create, 503, b"{}"),
    ],
)
async def test_its_own_answers_are_held_to_the_document_too(shared, operation, status, body):
    with pytest.raises(jsonschema.ValidationError):
        Contract(json.loads(DOCUMENT.read_bytes())).check_answer(operation, status, body)


async def test_nobody_is_answered_without_the_key(client):
    assert (await client.get("/v2/transcript", headers={"Authorization": f"Bearer {KEY}"})).status_code == 401


@pytest.mark.parametrize(("answers", "sent"), [([200], 1), ([503, 500, 204], 3), ([404], 1), ([500] * 10, 10)], ids=str)
async def test_a_webhook_is_sent_until_it_is_taken_or_refused(fake, ordered, sent):
    await fake.finish(ordered)
    assert len(fake.webhooks) == sent


async def test_a_transcript_completes_by_itself_where_it_is_told_to():
    fake = FakeAssemblyAI(seconds=0)
    with served(fake) as address, httpx2.Client(base_url=address, headers={"Authorization": KEY}) as client:
        uploaded = client.post("/v2/upload", content=b"RIFF").json()["upload_url"]
        placed = client.post("/v2/transcript", json={**ORDER, "audio_url": uploaded}).json()
        while client.get(f"/v2/transcript/{placed['id']}").json()["status"] != "completed":
            pass
        state = client.get("/state").json()
    assert state["ordered"] == {uploaded: 1}
    assert state["kept"] == [placed["id"]]
    assert state["requests"][Operation.create] == 1
