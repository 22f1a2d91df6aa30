"""The compose files: what the specification allows, and what a production service needs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "docker-compose.yml", ROOT / "docker-compose.monitoring.yml"]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def described(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


SERVICES = {name: service for path in FILES for name, service in described(path)["services"].items()}
LASTING = {name: service for name, service in SERVICES.items() if name != "migrate"}


def validate(*paths: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "check-jsonschema"
    command = [str(program), "--builtin-schema", "vendor.compose-spec", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments


def test_they_are_what_the_compose_specification_describes():
    result = validate(*FILES)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_a_fault_would_be_found(tmp_path):
    bad = tmp_path / "bad.yml"
    bad.write_text("services: {service: {image: python, read_onyl: true}}\n", encoding="utf-8")
    assert "read_onyl" in validate(bad).stdout


@pytest.mark.parametrize("name", SERVICES)
class TestEachService:
    def test_it_may_not_change_or_become_anything(self, name):
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "cap_add", "network_mode", "pid"} & service.keys()

    def test_its_image_has_a_version(self, name):
        assert re.fullmatch(r"[a-z/-]+:(v?\d[\w.-]*|\$\{V2V_VERSION:-latest\})", SERVICES[name]["image"])

    def test_what_it_opens_is_reached_from_this_machine_alone_unless_somebody_says_so(self, name):
        for port in SERVICES[name].get("ports", []):
            assert VARIABLE.sub(r"\2", port).startswith("127.0.0.1:")

    def test_its_secrets_are_files(self, name):
        for variable, value in SERVICES[name].get("environment", {}).items():
            assert variable.endswith("_FILE") or not re.search("PASSWORD|SECRET|KEY|TOKEN", variable), variable
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), variable


@pytest.mark.parametrize("name", LASTING)
class TestEachThatLasts:
    def test_it_is_started_again_and_bounded(self, name):
        service = LASTING[name]
        assert service["restart"] == "unless-stopped"
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}

    def test_it_says_whether_it_is_well(self, name):
        said_by_the_image = name in ("service", "dashboard")
        assert ("test" in LASTING[name].get("healthcheck", {})) is not said_by_the_image


def test_migrations_come_first_and_once():
    assert SERVICES["migrate"]["command"] == ["python", "-m", "service", "migrate"]
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("service", "worker"):
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
        assert SERVICES[name]["environment"]["V2V_MIGRATE"] == "false"


def test_a_worker_can_be_started_several_times():
    assert not {"container_name", "ports"} & SERVICES["worker"].keys()


def test_the_database_and_redis_have_no_way_out_and_nobody_else_a_way_in():
    assert described(FILES[0])["networks"]["inside"] == {"internal": True}
    inside = {name for name, service in SERVICES.items() if "inside" in service["networks"]}
    assert inside == {"migrate", "service", "worker", "postgres", "redis"}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_the_dashboard_is_a_client_like_any_other():
    dashboard = SERVICES["dashboard"]
    assert dashboard["profiles"] == ["dashboard"]
    assert dashboard["networks"] == ["outside"]
    assert "secrets" not in dashboard


def test_what_has_begun_is_ended_before_a_container_is():
    seconds = {name: SERVICES[name]["stop_grace_period"] for name in ("service", "worker")}
    assert seconds == {"service": "40s", "worker": "40s"}  # DRAIN_SECONDS is 25


def environment_example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.removeprefix("#").split("=", 1) for line in lines if re.match(r"#\w+=", line))


def test_the_example_says_what_can_be_set_and_what_it_is_otherwise():
    used = {match[1]: match[2] for path in FILES for match in VARIABLE.finditer(path.read_text(encoding="utf-8"))}
    assert environment_example() == used
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") or not line for line in lines)


def test_the_settings_exist_and_are_what_they_are_without_compose_unless_that_is_meant():
    given = {**SERVICES["service"]["environment"], **SERVICES["worker"]["environment"]}
    fields = {f"V2V_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert given.keys() <= fields.keys()
    meant = {"V2V_DATABASE_URL", "V2V_BROKER_URL", "V2V_MIGRATE", "V2V_LOG_FORMAT", "V2V_METRICS_PORT"}
    for name in given.keys() - meant:
        default = fields[name].default
        said = VARIABLE.sub(r"\2", str(given[name]))
        assert said == ("" if default == () else str(default)), name


def test_the_settings_of_compose_can_be_used(monkeypatch):
    for name, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(name, VARIABLE.sub(r"\2", str(value)))
    settings = Settings()
    assert settings.migrate is False
    assert settings.allowed_hosts == ()


def test_the_secrets_that_are_named_are_those_that_are_made(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "secrets"], cwd=tmp_path, capture_output=True, check=True)  # noqa: S607 - on the PATH
    made = tmp_path / "secrets"
    named = {secret["file"] for path in FILES for secret in described(path)["secrets"].values()}
    assert {f"./secrets/{path.name}" for path in made.iterdir()} == named
    assert made.stat().st_mode & 0o077 == 0  # others do not get in; in a container each is mounted by itself
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in made.iterdir())
    assert len((made / "postgres_password").read_text()) == 48
    kept = (made / "postgres_password").read_text()
    subprocess.run(["make", "secrets"], cwd=tmp_path, capture_output=True, check=True)  # noqa: S607 - on the PATH
    assert (made / "postgres_password").read_text() == kept


def test_a_secret_has_the_name_of_its_setting():
    fields = {f"V2V_{name.upper()}" for name in Settings.model_fields}
    for name in ("migrate", "service", "worker"):
        targets = {secret["target"] for secret in SERVICES[name]["secrets"]}
        assert targets <= fields
        assert "V2V_DATABASE_PASSWORD" in targets


def test_files_that_are_handed_to_containers_exist():
    for path in FILES:
        for config in described(path).get("configs", {}).values():
            assert (ROOT / config["file"]).is_file()
