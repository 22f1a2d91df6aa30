import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from service.__main__ import main
from service.audio.features import FrontEnd
from service.emotions import SPEECH_EMOTIONS
from service.security.webhooks import Secrets
from tests.doubles import write_emotion_model
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(monkeypatch, settings):
    monkeypatch.setenv("V2V_MODELS_DIR", str(settings.models_dir))
    monkeypatch.setenv("V2V_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("V2V_PORT", "0")


@pytest.mark.usefixtures("environment")
class TestAnalyze:
    def test_it_prints_what_the_service_answers(self, client, sample_call, capsys):
        assert main(["analyze", "--roles", "customer,agent", str(sample_call)]) == 0
        answer = client.post(
            "/analyze-audio",
            files={"file": sample_call.read_bytes()},
            data={"channel_roles": "customer,agent"},
        )
        acoustics = json.loads(capsys.readouterr().out)
        assert acoustics.items() <= answer.json().items()
        assert acoustics["timeline"]

    def test_a_bad_file_does_not_stop_the_others(self, sample_call, tmp_path, capsys):
        (tmp_path / "note.txt").write_text("This is no audio.")
        files = [str(tmp_path / "note.txt"), str(tmp_path / "absent.wav"), str(sample_call)]
        assert main(["analyze", *files]) == 1
        out, err = capsys.readouterr()
        assert json.loads(out)["audio"]["container"] == "wav"
        decoder = json.JSONDecoder()
        not_audio, end = decoder.raw_decode(err)
        absent = json.loads(err[end:])
        assert (not_audio["type"], not_audio["file"]) == ("/problems/not-audio", files[0])
        assert (absent["type"], absent["file"]) == ("/problems/no-file", files[1])
        assert "No such file or directory" in absent["detail"]

    def test_a_model_can_be_named(self, sample_call, models_dir, tmp_path, monkeypatch, capsys):
        for shipped in models_dir.iterdir():
            (tmp_path / shipped.name).symlink_to(shipped)
        write_emotion_model(tmp_path / "mine", SPEECH_EMOTIONS, front_end=FrontEnd(features=("mfcc",)))
        monkeypatch.setenv("V2V_MODELS_DIR", str(tmp_path))
        assert main(["analyze", "--model", "mine", str(sample_call)]) == 0
        assert [model["name"] for model in json.loads(capsys.readouterr().out)["models"]] == ["mine", "burst_encoder"]
        assert main(["analyze", "--model", "yours", str(sample_call)]) == 1
        problem = json.loads(capsys.readouterr().err)
        assert problem["type"] == "/problems/unknown-model"
        assert "speech_encoder, burst_encoder, mine" in problem["detail"]

    def test_a_role_that_does_not_exist(self, sample_call, capsys):
        assert main(["analyze", "--roles", "boss", str(sample_call)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert json.loads(err)["errors"][0]["field"] == "channel_roles.0"


def test_a_bad_setting_is_a_message_and_not_a_traceback(monkeypatch, capsys):
    monkeypatch.setenv("V2V_PORT", "eighty")
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("V2V_PORT=eighty: ")


def test_a_data_folder_that_cannot_be_made_is_a_message(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("V2V_DATA_DIR", str(tmp_path / "file"))
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.startswith("V2V_DATA_DIR=")


class TestMigrate:
    def test_it_makes_the_tables_and_then_has_nothing_to_do(self, monkeypatch, tmp_path):
        monkeypatch.setenv("V2V_DATA_DIR", str(tmp_path / "data"))
        assert main(["migrate"]) == 0
        assert main(["migrate"]) == 0
        with closing(sqlite3.connect(tmp_path / "data" / "voice-to-value.db")) as file:
            assert file.execute("SELECT count(*) FROM analyses").fetchone() == (0,)

    def test_a_database_that_does_not_answer_is_a_message_without_its_password(self, monkeypatch, tmp_path, capsys):
        monkeypatch.setenv("V2V_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("V2V_DATABASE_URL", f"postgresql://user:secret@127.0.0.1:{free_port()}/name")
        assert main(["migrate"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("V2V_DATABASE_URL: the database cannot be reached: ")
        assert "secret" not in err


def test_a_secret_is_one_that_the_settings_take(capsys):
    assert main(["secret"]) == main(["secret"]) == 0
    one, other = capsys.readouterr().out.split()
    assert one != other
    assert len(Secrets({"*": [one]}).of("https://crm.example.com/")[0]) == 32


@pytest.mark.usefixtures("environment")
def test_a_worker_needs_a_broker(capsys):
    assert main(["worker"]) == 2
    assert capsys.readouterr().err.startswith("V2V_BROKER_URL: ")


@contextmanager
def serving(**environment):
    """A server process and its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            lines = iter(process.stdout.readline, "")
            address = next(line for line in lines if "listens on" in line).split()[-1]
            assert f"{address}/docs" in next(lines)
            assert f"{address}/analyze-audio" in next(lines)
            yield process, address
        finally:
            process.kill()


@pytest.mark.usefixtures("environment")
def test_it_serves_says_where_and_stops_when_told():
    with serving() as (process, address):
        assert httpx2.get(f"{address}/readyz").json() == {"status": "ready"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


@pytest.mark.usefixtures("environment")
def test_it_stops_while_somebody_follows_and_goes_on_afterwards(sample_call, tmp_path):
    nobody = {"V2V_ASSEMBLYAI_API_KEY": "key", "V2V_ASSEMBLYAI_BASE_URL": "http://127.0.0.1:9"}
    environment = {**nobody, "V2V_DATA_DIR": str(tmp_path)}
    with serving(**environment) as (process, address):
        call = {"file": sample_call.read_bytes()[:100_000]}
        location = httpx2.post(f"{address}/analyze-audio", files=call).headers["location"]
        with httpx2.stream("GET", f"{address}{location}/events", timeout=60) as events:
            lines = events.iter_lines()
            assert next(lines) == "event: progress"
            process.send_signal(signal.SIGTERM)
            assert "event: end" not in list(lines)
        assert process.wait(timeout=60) == 0
    with serving(**environment) as (_, address):
        assert httpx2.get(f"{address}{location}").json()["timeline"]
