"""The OpenAPI document keeps its promises: it is valid, complete, and its examples are what the service answers."""

import json
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
        "list_analyses": "GET /analyses",
        "get_analysis": "GET /analyses/{analysis_id}",
        "delete_analyses": "DELETE /analyses",
        "delete_analysis": "DELETE /analyses/{analysis_id}",
        "retry_analysis": "POST /analyses/{analysis_id}/retry",
        "list_callbacks": "GET /analyses/{analysis_id}/callbacks",
        "redeliver_callbacks": "POST /analyses/{analysis_id}/callbacks/redeliver",
        "follow_analysis": "GET /analyses/{analysis_id}/events",
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
        statuses = set(operation["responses"])
        assert "default" in statuses
        assert statuses & {"200", "202"}
        for status, response in operation["responses"].items():
            ((media_type, content),) = response["content"].items()
            success = status in ("200", "202")
            expected = "text/event-stream" if name == "follow_analysis" else "application/json"
            assert media_type == (expected if success else "application/problem+json")
            values = [content["example"]] if success else _values(content)
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


def test_every_request_field_and_parameter_is_described(document, operations):
    fields = {}
    for name, (_, _, operation) in operations.items():
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] == "path" or parameter["description"], (name, parameter["name"])
        for media_type, content in operation.get("requestBody", {"content": {}})["content"].items():
            schema = content["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            fields[name, media_type] = set(schema["properties"])
            for field in schema["properties"].values():
                assert field["description"]
    form, link = fields["analyze_audio", "multipart/form-data"], fields["analyze_audio", "application/json"]
    assert form - {"file"} == link - {"audio_url"} == form & link
    assert fields["analyze_text", "application/json"] == {"text", "texts", "external_id", "metadata"}


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document))):
        assert reference in document["components"]["schemas"]


def test_the_headers_of_an_audio_request_and_its_answer(operations):
    operation = operations["analyze_audio"][2]
    headers = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    assert headers == {"Idempotency-Key": {"type": "string"}, "Prefer": {"type": "string"}}
    assert set(operation["responses"]["202"]["headers"]) == {"Location", "Retry-After"}


def test_a_text_that_finds_no_room_is_told_in_a_header_when_to_come_again(operations):
    unavailable = operations["analyze_text"][2]["responses"]["503"]
    assert set(unavailable["headers"]) == {"Retry-After"}
    assert {"busy", "not-ready"} <= set(unavailable["content"]["application/problem+json"]["examples"])


def test_a_live_answer_has_the_shape_of_its_example(client, operations, call):
    form = {"channel_roles": "customer,agent", "external_id": "call-42", "metadata": '{"queue": "billing"}'}
    requests = {
        "analyze_audio": {"files": {"file": call}, "data": form},
        "analyze_text": {"json": {"external_id": "ticket-7", "texts": ["It works. It really does!"]}},
    }
    values = {"get_problem": "no-file", "get_model": "speech_encoder"}
    for name, (method, path, _) in operations.items():
        if "{analysis_id}" in path or path == "/analyses":
            continue  # these have words and callbacks; see test_analyses.py
        response = client.request(method, path.replace("{name}", values.get(name, "")), **requests.get(name, {}))
        assert response.status_code == 200
        assert shape(response.json()) == shape(examples.read(name)), name


def shape(value):
    """Names and types, whatever the values; of a list, the shapes that occur in it."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return {repr(shape(member)) for member in value}
    return type(value).__name__


def test_the_page_needs_no_other_host(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert asset.startswith("/")
        assert client.get(asset).status_code == 200


def test_every_link_leads_to_an_operation_and_names_its_parameters(operations):
    led = set()
    for _, _, operation in operations.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                target = operations[link["operationId"]][2]
                assert set(link["parameters"]) == {p["name"] for p in target["parameters"] if p["in"] == "path"}
                led.add(link["operationId"])
    analyses = {name for name, (_, path, _) in operations.items() if "{analysis_id}" in path}
    assert led == analyses | {"get_model"}
