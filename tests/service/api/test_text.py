import json

import pytest

JSON = {"content-type": "application/json"}


def _problem(response, status, kind):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"/problems/{kind}"
    return response.json()


def test_one_text(client):
    text = "I love the new app. But my refund never arrived!"
    answer = client.post("/analyze-text", json={"text": text}).json()
    (result,) = answer["results"]
    assert [sentence["text"] for sentence in result["sentences"]] == [
        "I love the new app.",
        "But my refund never arrived!",
    ]
    assert result["truncated"] is False
    for part in (result, *result["sentences"]):
        scores = part["sentiment"]["scores"]
        assert list(scores) == ["negative", "neutral", "positive"]
        assert sum(scores.values()) == pytest.approx(1)
        assert part["sentiment"]["confidence"] == scores[part["sentiment"]["label"]] == max(scores.values())
    for sentence in result["sentences"]:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]


def test_a_batch_is_answered_in_order_with_the_model_and_the_echo(client):
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
    listed = {model["name"]: model for model in client.get("/models").json()["models"]}["text_sentiment"]
    assert answer["model"] == {key: listed[key] for key in ("name", "version", "sha256")}


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
