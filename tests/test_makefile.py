import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def make(tmp_path):
    """Runs make in a folder that holds nothing but the Makefile and pyproject.toml."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own arguments
            ["make", *arguments],  # noqa: S607 - make is found on the PATH
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_machine_without_python_is_told_what_to_install(make):
    result = make("run", "PYTHON=python3.11-that-is-absent")
    assert result.returncode != 0
    assert "Python 3.11 is needed" in result.stderr


def test_a_python_without_venv_is_told_what_to_install(make, tmp_path):
    result = make("test", "PYTHON=false")
    assert result.returncode != 0
    assert "apt install python3.11-venv" in result.stderr
    assert not (tmp_path / ".venv").exists()
