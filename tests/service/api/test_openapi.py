"""The OpenAPI document keeps its promises: it is valid, complete, and its examples are what the service answers."""

import re

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.api import examples


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document):
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_openapi_31(document):
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_operation_ids_are_stable(operations):
    assert {name: f"{method} {path}" for name, (method, path, _) in operations.items()} == {
        "analyze_audio": "POST /analyze-audio",
        "analyze_text": "POST /analyze-text",
        "list_models": "GET /models",
        "get_model": "GET /models/{name}",
        "healthz": "GET /healthz",
        "readyz": "GET /readyz",
        "list_problems": "GET /problems",
        "get_problem": "GET /problems/{name}",
    }


def test_every_operation_and_tag_is_described(document, operations):
    assert document["info"]["description"]
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    for _, _, operation in operations.values():
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= described


def test_every_response_has_an_example_that_fits_its_schema(document, operations):
    for name, (_, _, operation) in operations.items():
        assert {"200", "default"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            ((media_type, content),) = response["content"].items()
            assert media_type == ("application/json" if status == "200" else "application/problem+json")
            values = [content["example"]] if status == "200" else _values(content)
            assert values, (name, status)
            schema = {**content["schema"], "components": document["components"]}
            for value in values:
                Draft202012Validator(schema).validate(value)


def _values(content):
    return [example["value"] for example in content["examples"].values()]


def test_problem_examples_have_the_status_they_are_listed_under(operations):
    for _, _, operation in operations.values():
        for status, response in operation["responses"].items():
            for content in response["content"].values():
                for kind, example in content.get("examples", {}).items():
                    assert example["value"]["type"] == f"/problems/{kind}"
                    assert status in (str(example["value"]["status"]), "default")


def test_every_request_field_is_described(document, operations):
    for name in ("analyze_audio", "analyze_text"):
        (content,) = operations[name][2]["requestBody"]["content"].values()
        schema = content["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for field in schema["properties"].values():
            assert field["description"]


def test_a_live_answer_has_the_shape_of_its_example(client, operations, sample_call):
    requests = {
        "analyze_audio": {
            "files": {"file": sample_call.read_bytes()},
            "data": {
                "channel_roles": "customer,agent",
                "external_id": "call-42",
                "metadata": '{"queue": "billing"}',
            },
        },
        "analyze_text": {"json": {"external_id": "ticket-7", "texts": ["It works. It really does!"]}},
    }
    values = {"get_problem": "no-file", "get_model": "speech_emotion"}
    for name, (method, path, _) in operations.items():
        url = re.sub("{name}", values.get(name, ""), path)
        response = client.request(method, url, **requests.get(name, {}))
        assert response.status_code == 200
        if name != "get_model":  # a double's card says less than a real one
            assert _shape(response.json()) == _shape(examples.read(name)), name


def _shape(value):
    """Names and types, whatever the values; of a list, the shapes that occur in it."""
    if isinstance(value, dict):
        return {name: _shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return {repr(_shape(member)) for member in value}
    return type(value).__name__


def test_the_page_needs_no_other_host(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert asset.startswith("/")
        assert client.get(asset).status_code == 200
