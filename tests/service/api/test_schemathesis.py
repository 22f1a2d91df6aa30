"""Schemathesis over the whole OpenAPI document and its links, against the service as a process.

The same requests in every run; ``V2V_SCHEMATHESIS_EXAMPLES`` makes them more.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.servers import free_port
from tests.system import ROOT, Process, started

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("V2V_SCHEMATHESIS_EXAMPLES", "25")
EVENT = {
    "type": "object",
    "required": ["event", "data", "id"],
    "properties": {
        "event": {"enum": ["progress", "end"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Progress"},
        },
    },
}


@pytest.fixture
def service(tmp_path):
    """Its address, and a key for it."""
    port = free_port()
    settings = {
        "V2V_PORT": str(port),
        "V2V_DATA_DIR": str(tmp_path / "data"),
        "V2V_WAIT_SECONDS": "5",
        "V2V_LOG_LEVEL": "warning",
    }
    keys = [sys.executable, "-m", "service", "keys", "create", "--tenant", "schemathesis"]
    said = subprocess.run(keys, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=True)  # noqa: S603
    key = next(word for word in said.stdout.split() if word.startswith("v2v_"))
    with started(Process("service", ["service"], settings, tmp_path)):
        yield f"http://127.0.0.1:{port}", key


def test_no_request_is_answered_in_a_way_that_is_not_documented(service, tmp_path):
    url, key = service
    file, calls = tmp_path / "openapi.json", tmp_path / "calls.ndjson"
    document = httpx2.get(f"{url}/openapi.json").json()
    operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    file.write_text(json.dumps(_strict(document)))
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIGURATION, "run", file, "--url", url),
        *("--header", f"Authorization: Bearer {key}", "--max-examples", EXAMPLES),
        *("--report", "ndjson", "--report-ndjson-path", calls),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    answered = _answered(calls)
    # Nothing lacks its words here.
    assert operations - {call for call, status in answered if status < 300} == {"POST /analyses/{analysis_id}/retry"}
    assert ("POST /analyses/{analysis_id}/retry", 409) in answered


def _strict(document):
    """``document`` without "any other error", which would allow every status, and with what a stream consists of."""
    for path in document["paths"].values():
        for operation in path.values():
            del operation["responses"]["default"]
    streamed = document["paths"]["/analyses/{analysis_id}/events"]["get"]["responses"]["200"]["content"]
    streamed["text/event-stream"] = {"itemSchema": EVENT}
    return document


def _answered(calls):
    """Which operations were answered with which status, of those that Schemathesis wrote down."""
    answered = set()
    for line in calls.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for name, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"][name]["value"]
            answered.add((f"{case['method']} {case['path']}", interaction["response"]["status_code"]))
    return answered
