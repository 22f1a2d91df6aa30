"""The stored examples come from the artefacts that are shipped now, not from earlier ones."""

import pytest
from fastapi.testclient import TestClient

from service.api import examples
from service.app import create_app
from service.settings import Settings

AGAIN = "the models have changed; run `python -m tests.examples`"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The service with the models of the repository, not with doubles."""
    with TestClient(create_app(Settings(data_dir=tmp_path_factory.mktemp("data")))) as client:
        yield client


def test_the_shipped_artefacts_are_all_loaded(shipped):
    assert shipped.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize(("name", "path"), [("list_models", "/models"), ("get_model", "/models/speech_encoder")])
def test_what_is_said_of_the_models(shipped, name, path):
    assert shipped.get(path).json() == examples.read(name), AGAIN


@pytest.mark.parametrize("fact", ["audio", "models", "transcript", "notes"])
def test_the_analysis_of_the_sample_call(shipped, sample_call, fact):
    answer = shipped.post(
        "/analyze-audio", files={"file": sample_call.read_bytes()}, data={"channel_roles": "customer,agent"}
    ).json()
    assert answer[fact] == examples.read("analyze_audio")[fact], AGAIN


def test_the_analysis_of_a_text(shipped):
    answer = shipped.post("/analyze-text", json={"text": "The app is great."}).json()
    assert answer["models"] == examples.read("analyze_text")["models"], AGAIN
