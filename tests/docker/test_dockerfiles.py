"""The Dockerfiles and scripts, as linters read them. That they work is shown by ``make images``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def lint(program: str, path: Path) -> str:
    """What ``program`` finds fault with."""
    command = [str(Path(sys.executable).parent / program), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own arguments


def instructions(path: Path) -> list[str]:
    """Of the stage in which everything ends up."""
    lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM ") and "${PYTHON}" in line)
    return [" ".join(line.split()) for line in lines[last:] if line and not line.startswith("#")]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
class TestEach:
    def test_hadolint_finds_no_fault(self, path):
        assert lint("hadolint", path) == ""

    def test_it_runs_as_nobody_special(self, path):
        assert "USER 1000:1000" in instructions(path)

    def test_it_installs_what_is_pinned_and_compiles_nothing(self, path):
        text = path.read_text(encoding="utf-8")
        installs = text.count("pip --python")
        assert installs == text.count("--require-hashes") == text.count("--only-binary :all:") > 0
        assert "apt" not in "\n".join(instructions(path))

    def test_it_says_what_it_is(self, path):
        labels = next(line for line in instructions(path) if line.startswith("LABEL "))
        for name in ("title", "description", "licenses", "revision", "version"):
            assert f"org.opencontainers.image.{name}=" in labels


def test_there_are_some():
    assert [path.name for path in DOCKERFILES] == ["dashboard.Dockerfile", "service.Dockerfile", "training.Dockerfile"]


def test_a_fault_would_be_found(tmp_path):
    bad = tmp_path / "bad.Dockerfile"
    bad.write_text("FROM python\nRUN cd /tmp && sudo make\n", encoding="utf-8")
    assert "DL3006" in lint("hadolint", bad)
    script = tmp_path / "bad.sh"
    script.write_text("#!/bin/sh\nrm -r $1\n", encoding="utf-8")
    assert "SC2086" in lint("shellcheck", script)


def test_shellcheck_finds_no_fault():
    assert lint("shellcheck", ROOT / ".ci" / "run") == ""
