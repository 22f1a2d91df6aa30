import asyncio
import json
import shutil
from contextlib import asynccontextmanager

import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.batching import work
from tests.doubles import write_text_model

JSON = {"content-type": "application/json"}


def _problem(response, status, kind):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"/problems/{kind}"
    return response.json()


def _is_whole(reading):
    """A reading with all its parts, whose scores are distributions."""
    for head, labels in (("sentiment", SENTIMENTS), ("emotion", TEXT_EMOTIONS)):
        scores = reading[head]["scores"]
        assert tuple(scores) == labels
        assert sum(round(10_000 * score) for score in scores.values()) == 10_000
        assert reading[head]["confidence"] == scores[reading[head]["label"]] == max(scores.values())
    assert GOEMOTIONS[reading["emotion"]["fine_label"]] == reading["emotion"]["label"]
    assert reading["windows"] >= 1


def _covers(result, text):
    """The sentences are cut from ``text``, and only white space lies between them."""
    end = 0
    for sentence in result["sentences"]:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
        assert not text[end : sentence["start"]].strip()
        end = sentence["end"]
    assert not text[end:].strip()


def test_one_text(client):
    text = "I love the new app, thank you! But I am furious that my refund never arrived."
    answer = client.post("/analyze-text", json={"text": text}).json()
    (result,) = answer["results"]
    assert [sentence["text"] for sentence in result["sentences"]] == [
        "I love the new app, thank you!",
        "But I am furious that my refund never arrived.",
    ]
    _covers(result, text)
    for part in (result, *result["sentences"]):
        _is_whole(part)
        assert part["windows"] == 1
    thanks, complaint = result["sentences"]
    assert (thanks["sentiment"]["label"], thanks["emotion"]["label"]) == ("positive", "joy")
    assert (complaint["sentiment"]["label"], complaint["emotion"]["label"]) == ("negative", "anger")


def test_a_batch_is_answered_in_order_with_the_models_and_the_echo(client):
    metadata = {"queue": "billing", "tags": ["vip", None, 1.5]}
    response = client.post(
        "/analyze-text",
        json={"texts": ["First.", "Second. Third."], "external_id": "t-1", "metadata": metadata},
    )
    answer = response.json()
    assert (answer["external_id"], answer["metadata"]) == ("t-1", metadata)
    assert [[s["text"] for s in r["sentences"]] for r in answer["results"]] == [
        ["First."],
        ["Second.", "Third."],
    ]
    listed = {model["name"]: model for model in client.get("/models").json()["models"]}["text_minilm"]
    assert answer["models"] == [
        {**{key: listed[key] for key in ("name", "version", "sha256")}, "heads": ["sentiment", "emotion"]}
    ]


def test_a_long_text_is_read_to_its_end(client):
    text = "The bill was wrong. " * 200 + "But thank you so much, your agent was wonderful, I love it! " * 100
    (result,) = client.post("/analyze-text", json={"text": text}).json()["results"]
    assert result["windows"] > 1
    assert result["sentiment"]["label"] == "positive"
    assert {sentence["windows"] for sentence in result["sentences"]} == {1}
    _covers(result, text)
    _is_whole(result)


def test_a_batch_gives_what_single_texts_give(client):
    texts = ["I love it.", "Where is it? I have waited for three weeks.", "ok", "Why? \U0001f60d", "Late! " * 300]
    together = client.post("/analyze-text", json={"texts": texts}).json()["results"]
    for text, result in zip(texts, together, strict=True):
        (alone,) = client.post("/analyze-text", json={"text": text}).json()["results"]
        assert [sentence["text"] for sentence in result["sentences"]] == [s["text"] for s in alone["sentences"]]
        for one, other in zip([result, *result["sentences"]], [alone, *alone["sentences"]], strict=True):
            for head in ("sentiment", "emotion"):
                assert one[head]["scores"] == pytest.approx(other[head]["scores"], abs=2e-4)


def test_two_models_of_one_head_each(client_with, models_dir, tmp_path):
    folder = shutil.copytree(models_dir, tmp_path / "models")
    write_text_model(folder / "feelings", {"emotion": TEXT_EMOTIONS})
    write_text_model(folder / "opinions", {"sentiment": SENTIMENTS})
    with client_with(models_dir=folder, text_models=("feelings", "opinions")) as client:
        answer = client.post("/analyze-text", json={"text": "Sadness, and positive."}).json()
        assert [(model["name"], model["heads"]) for model in answer["models"]] == [
            ("feelings", ["emotion"]),
            ("opinions", ["sentiment"]),
        ]
        (result,) = answer["results"]
        assert (result["sentiment"]["label"], result["emotion"]["label"]) == ("positive", "sadness")
        assert client.get("/readyz").status_code == 200


def test_a_head_that_nobody_has(client_with, models_dir, tmp_path):
    folder = shutil.copytree(models_dir, tmp_path / "models")
    write_text_model(folder / "opinions", {"sentiment": SENTIMENTS})
    with client_with(models_dir=folder, text_models=("opinions",)) as client:
        for response in (client.get("/readyz"), client.post("/analyze-text", json={"text": "Fine."})):
            assert "no model has the head 'emotion'" in _problem(response, 503, "not-ready")["detail"]


@pytest.mark.parametrize("body", [{}, {"text": "a", "texts": ["b"]}])
def test_exactly_one_of_text_and_texts(client, body):
    problem = _problem(client.post("/analyze-text", json=body), 422, "invalid-request")
    assert "give either text (a string) or texts (a list of strings)" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": 7}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"texts": []}, "texts"),
        ({"texts": ["x"] * 257}, "texts"),
        ({"texts": ["fine", "  "]}, "texts.1"),
        ({"texts": ["fine", None]}, "texts.1"),
        ({"text": "fine", "external_id": "x" * 201}, "external_id"),
        ({"text": "fine", "metadata": [1]}, "metadata"),
        ({"text": "fine", "metadata": {"k": "x" * 16_384}}, "metadata"),
        ({"text": "fine", "metadata": {"k": "\ud800"}}, "metadata"),
    ],
)
def test_a_wrong_field_is_named(client, body, field):
    response = client.post("/analyze-text", content=json.dumps(body), headers=JSON)
    problem = _problem(response, 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["errors"][0]["detail"] in problem["detail"]


def test_an_unknown_field_is_named_with_the_known_ones(client):
    problem = _problem(client.post("/analyze-text", json={"txt": "a"}), 422, "unknown-field")
    assert problem["errors"][0]["field"] == "txt"
    assert "text, texts, external_id, metadata" in problem["detail"]


def test_a_name_that_is_no_unicode_is_answered_in_ascii(client):
    response = client.post("/analyze-text", content=rb'{"\ud800": 1}', headers=JSON)
    assert _problem(response, 422, "unknown-field")["errors"][0]["field"] == "\ud800"


def test_a_body_that_is_not_json(client):
    response = client.post("/analyze-text", content=b'{"text": ', headers=JSON)
    assert "is not JSON" in _problem(response, 400, "bad-request")["detail"]


@pytest.mark.parametrize(
    ("content", "headers"),
    [(b"", {}), (b"[]", {"content-type": "application/json"}), (b"Hello.", {"content-type": "text/plain"})],
)
def test_a_body_that_is_no_object_says_what_to_send(client, content, headers):
    problem = _problem(client.post("/analyze-text", content=content, headers=headers), 422, "invalid-request")
    assert "application/json" in problem["detail"]


@pytest.mark.parametrize("depth", [100, 198, 220, 254, 400, 5_000, 100_000])
def test_deep_metadata_is_echoed_or_refused(client, depth):
    metadata = b'{"a":' * depth + b"1" + b"}" * depth
    response = client.post("/analyze-text", content=b'{"text": "Fine.", "metadata": ' + metadata + b"}", headers=JSON)
    assert response.status_code in (200, 400, 422)


UNICODE = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Mn", "Me", "So", "Zs", "Zl", "Zp"]), max_size=30),
    st.lists(
        st.sampled_from(
            [
                "I love it. ",
                "No. ",
                "\0",
                "\u202eright to left\u202c",
                "e" + "\u0301" * 50,
                "\U0001f469\u200d\U0001f469\u200d\U0001f467",
                "\U0001f44d\U0001f3fd",
                "\ud800",
                "\udc00\ud800",
                "\u3002",
                "\ufeff",
                "\x85",
                "[PAD]",
                "\n",
                "x" * 500,
            ]
        ),
        max_size=8,
    ).map("".join),
)


@limits(max_examples=150)
@given(st.lists(UNICODE, min_size=1, max_size=4), st.booleans())
def test_any_unicode_is_read_or_refused_with_its_reason(client, texts, alone):
    body = {"text": texts[0]} if alone else {"texts": texts}
    # JSON's own escapes carry half a surrogate pair, which UTF-8 cannot.
    response = client.post("/analyze-text", content=json.dumps(body), headers=JSON)
    given = [json.loads(json.dumps(text)) for text in (texts[:1] if alone else texts)]
    torn = [index for index, text in enumerate(given) if any("\ud800" <= character <= "\udfff" for character in text)]
    wrong = torn[:1] or [index for index, text in enumerate(given) if not text.strip()]
    if wrong:
        errors = _problem(response, 422, "invalid-request")["errors"]
        assert [error["field"] for error in errors] == ["text" if alone else f"texts.{index}" for index in wrong]
        return
    assert response.status_code == 200, response.text
    for text, result in zip(given, response.json()["results"], strict=True):
        _covers(result, text)
        for part in (result, *result["sentences"]):
            _is_whole(part)


def test_the_longest_texts_of_any_kind_are_read(client):
    kinds = ["word ", "\U0001f469\u200d\U0001f467", "e\u0301", "\u65e5\u672c", "a.", "? ", "\x01"]
    for kind in kinds:
        text = "." + (kind * 10_000)[:9_999]
        response = client.post("/analyze-text", json={"text": text})
        assert response.status_code == 200, response.text
        (result,) = response.json()["results"]
        _covers(result, text)
        _is_whole(result)


class TestBusy:
    """Every place for CPU work is taken, so that texts wait."""

    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture
    def busy(self, world_with):
        @asynccontextmanager
        async def start(**changes):
            async with world_with(**changes) as world:
                limiter = world.service.limiter
                places = [object() for _ in range(int(limiter.total_tokens))]
                for place in places:
                    limiter.acquire_on_behalf_of_nowait(place)

                def free():
                    while places:
                        limiter.release_on_behalf_of(places.pop())

                try:
                    yield world, free
                finally:
                    free()

        return start

    @pytest.mark.anyio
    async def test_a_text_that_finds_no_room_is_told_when_to_come_again(self, busy):
        text = {"text": "I have waited for three weeks."}
        async with busy(text_queue=2 * work(text["text"])) as (world, free):
            waiting = [asyncio.create_task(world.client.post("/analyze-text", json=text)) for _ in range(2)]
            while world.service.texts.waiting < 2 * work(text["text"]):
                await checkpoint()
            response = await world.client.post("/analyze-text", json=text)
            _problem(response, 503, "busy")
            assert int(response.headers["retry-after"]) >= 1
            free()
            assert [response.status_code for response in await asyncio.gather(*waiting)] == [200, 200]
            assert (await world.client.post("/analyze-text", json=text)).status_code == 200

    @pytest.mark.anyio
    async def test_texts_that_are_not_cut_into_sentences_yet_take_room_too(self, busy):
        text = {"text": 40 * "I have waited for three weeks. "}
        async with busy(text_queue=2 * len(text["text"])) as (world, free):
            waiting = [asyncio.create_task(world.client.post("/analyze-text", json=text)) for _ in range(2)]
            while world.service.limiter.statistics().tasks_waiting < 2:
                await checkpoint()
            _problem(await world.client.post("/analyze-text", json=text), 503, "busy")
            free()
            assert [response.status_code for response in await asyncio.gather(*waiting)] == [200, 200]

    @pytest.mark.anyio
    async def test_a_client_that_hangs_up_waits_no_longer(self, busy):
        body = json.dumps({"text": "Never mind."}).encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/analyze-text",
            "raw_path": b"/analyze-text",
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        hung_up = asyncio.Event()
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        sent = []

        async def receive():
            if (message := next(messages, None)) is not None:
                return message
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        async with busy() as (world, _):
            asking = asyncio.create_task(world.app(scope, receive, send))
            while not world.service.texts.waiting:
                await checkpoint()
            hung_up.set()
            await asking
            assert world.service.texts.waiting == 0
            assert sent[0]["status"] == 400
