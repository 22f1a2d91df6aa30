import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SESSION = """
import onnxruntime
onnxruntime.InferenceSession("onnx_models/voice_activity/model.onnx", providers=["CPUExecutionProvider"])
"""


@pytest.mark.parametrize("package", ["service.inference.artefacts", "training.export"])
def test_onnx_runtime_collects_nothing_for_its_maker(package, tmp_path):
    """Where it does, it keeps an id of the machine and what is to be sent in the home folder."""
    subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-c", f"import {package}{SESSION}"],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert [path.name for path in tmp_path.rglob("*") if "onnxruntime" in path.name or path.name == "deviceid"] == []
