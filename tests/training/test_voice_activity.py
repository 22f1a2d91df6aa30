"""Taking over Silero's network: only the one that is pinned, and nothing but what is in the package."""

import argparse
import zipfile

import pytest

from service.inference.artefacts import Artefact
from training import voice_activity
from training.voice_activity import CARD, add_arguments, run


@pytest.fixture
def package(tmp_path, models_dir):
    """The files of the wheel that matter, in a folder."""
    shipped = models_dir / "voice_activity"
    folder = tmp_path / "package"
    for name, source in ((voice_activity._MODEL, "model.onnx"), (voice_activity._LICENCE, "LICENSE")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes((shipped / source).read_bytes())
    return folder


def _run(package, output):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args(["--wheel", str(package), "--output", str(output)]))


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "wheel"])
def test_the_shipped_artefact_is_what_the_command_writes(package, tmp_path, models_dir, packed):
    source = package
    if packed:
        source = tmp_path / "silero.whl"
        with zipfile.ZipFile(source, "w") as wheel:
            for path in package.rglob("*.*"):
                wheel.write(path, path.relative_to(package))
            wheel.write(package / voice_activity._LICENCE, voice_activity._LICENCE)
    written = tmp_path / "out" / "voice_activity"
    _run(source, written)
    shipped = models_dir / "voice_activity"
    assert {path.name: path.read_bytes() for path in written.iterdir()} == {
        path.name: path.read_bytes() for path in shipped.iterdir()
    }


def test_the_artefact_is_verified_and_carries_its_licence(models_dir):
    artefact = Artefact.load(models_dir / "voice_activity")
    assert artefact.sha256 == CARD["source"]["sha256"]
    assert b"Silero Team" in artefact.files["LICENSE"]
    assert b"MIT License" in artefact.files["LICENSE"]


def test_another_network_is_refused(package, tmp_path):
    model = package / voice_activity._MODEL
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    with pytest.raises(SystemExit, match=r"has the hash .* get silero-vad==6\.2\.3"):
        _run(package, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["absent.whl", "text.whl", "empty"])
def test_what_is_no_package_is_named(tmp_path, name):
    (tmp_path / "text.whl").write_text("no wheel")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=name):
        _run(tmp_path / name, tmp_path / "out")
