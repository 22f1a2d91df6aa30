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


@pytest.fixture
def stand_ins(tmp_path):
    """A .venv whose programs only write down how they were called; adopting leaves what it should."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("pip", "python"):
        (programs / name).write_text(
            "#!/bin/sh\n"
            f'echo "{name} $V2V_TEXT_MODELS $*" >> calls\n'
            'case "$*" in\n'
            "  *adopt) for model in text_distilroberta_emotion text_roberta_sentiment; do\n"
            "    mkdir -p onnx_models/$model && touch onnx_models/$model/SHA256SUMS; done ;;\n"
            "esac\n",
            encoding="utf-8",
        )
        (programs / name).chmod(0o755)

    def calls() -> list[str]:
        path = tmp_path / "calls"
        found = path.read_text(encoding="utf-8").splitlines()
        path.unlink()
        return found

    return calls


def test_distilroberta_is_adopted_once_and_then_serves(make, stand_ins):
    serve = "python text_distilroberta_emotion,text_roberta_sentiment -m service"
    assert make("run-distilroberta").returncode == 0
    assert stand_ins() == [
        "pip  install --quiet --editable .",
        "pip  install --quiet --editable .[training]",
        "python  -m training text adopt",
        serve,
    ]
    assert make("run-distilroberta").returncode == 0
    assert stand_ins() == [serve]


def test_nothing_is_served_where_adopting_fails(make, stand_ins, tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$*" >> calls\nexit 1\n', encoding="utf-8")
    assert make("run-distilroberta").returncode != 0
    assert stand_ins()[-1] == "-m training text adopt"
