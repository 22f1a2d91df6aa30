"""A network starts with the weights that its configuration names: those of another corpus, but for the last layer."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from service.audio.features import FrontEnd
from tests.training.made_up import PLAIN
from training import configuration as configurations
from training import starts, train
from training.__main__ import main
from training.configuration import Configuration
from training.experiment import Experiment, run, settings
from training.features import Features
from training.models import whisper
from training.models.encoder import encoder
from training.models.whisper import WeightsError

TINY = """
corpus = "EmoGator"
model = "encoder"
epochs = 2
warmup = 1

[network]
blocks = 1
width = 4
heads = 2
"""


@pytest.fixture(scope="module")
def pretrained_in(
    tiny_emogator: Path, tiny_runs: Path, tiny_features: Features, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of the results of ``training pretrain``, which made weights of a tiny corpus."""
    folder = tmp_path_factory.mktemp("pretrained")
    (folder / "tiny_start.toml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(configurations, "SHIPPED", folder)
        command = ["pretrain", "tiny_start", "--data", str(tiny_emogator), "--runs", str(tiny_runs)]
        assert main([*command, "--results", str(folder / "results")]) == 0
    return folder


def test_weights_of_the_best_epoch_are_kept_with_a_result(pretrained_in: Path, tiny_runs: Path) -> None:
    model = keras.models.load_model(starts.pretrained("tiny_start", tiny_runs))
    assert model.output_shape == (None, 5)
    result = json.loads((pretrained_in / "results" / "tiny_start" / "fold-1.json").read_text())
    assert result["bands"]["telephone"]
    assert result["configuration"]["warmup"] == 1


def test_run_starts_with_them_and_says_which_they_were(
    pretrained_in: Path, tiny_emogator: Path, tiny_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own := pretrained_in / "tiny_goes_on.toml").write_text('start = "tiny_start"\n' + TINY)
    configuration = configurations.read(own)
    begun: list[list[np.ndarray]] = []
    put_into = starts.put_into

    def look(model: keras.Model, path: Path) -> None:
        put_into(model, path)
        begun.append([layer.get_weights() for layer in model.layers])

    monkeypatch.setattr(starts, "put_into", look)
    result = run(Experiment(configuration, tiny_emogator, tiny_runs, pretrained_in / "results"), "fold-2")
    path = starts.pretrained("tiny_start", tiny_runs)
    assert result["start_sha256"] == starts.sha256(path)
    (weights,) = begun
    layers = keras.models.load_model(path).layers
    for now, layer in zip(weights, layers, strict=True):
        assert layer.name == "logits" or all(
            np.array_equal(one, other) for one, other in zip(now, layer.get_weights(), strict=True)
        )


@pytest.mark.usefixtures("pretrained_in")
def test_last_layer_is_new_and_may_have_other_classes(tiny_runs: Path) -> None:
    path = starts.pretrained("tiny_start", tiny_runs)
    model = encoder(FrontEnd().shape, 3, blocks=1, width=4, heads=2)
    before = model.get_layer("logits").get_weights()
    starts.put_into(model, path)
    after = model.get_layer("logits").get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_missing_weights_are_told_with_the_command_that_makes_them(tmp_path: Path) -> None:
    assert starts.find("", tmp_path) is None
    with pytest.raises(WeightsError, match="make it with `python -m training pretrain crema_d_student`"):
        starts.find("crema_d_student", tmp_path)


def test_whispers_weights_are_those_that_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "installed", lambda: tmp_path / "model.bin")
    assert starts.find(whisper.NAME, tmp_path) == tmp_path / "model.bin"


def test_what_the_weights_were_before_is_known_to_the_first_of_them() -> None:
    (whispers,) = starts.lineage(configurations.shipped("speech_encoder"))
    (cremas,) = starts.lineage(configurations.shipped("speech_student"))
    assert [whispers["name"], cremas["name"]] == ["whisper-tiny.en", "crema_d_student"]
    assert [whispers.get("corpus"), cremas.get("corpus")] == [None, "CREMA-D"]
    assert all(step["licence"] and step["citation"] for step in (whispers, cremas))
    assert starts.lineage(configurations.shipped("speech_emotion")) == []


def test_what_a_run_does_without_is_no_part_of_its_identity() -> None:
    plain = Configuration("own", "EmoGator", "cnn1d", augmentation=PLAIN)
    assert not {"start", "warmup", "selection"} & set(settings(plain))
    assert settings(replace(plain, start="whisper-tiny.en"))["start"] == "whisper-tiny.en"
    assert "lead" not in settings(plain)["augmentation"]
    early = replace(plain, augmentation=replace(PLAIN, lead=0.0))
    assert settings(early)["augmentation"]["lead"] == 0


def test_rate_rises_during_the_warmup_and_falls_to_nothing() -> None:
    rate = train._falling(0.1, 10, 50)
    values = [float(rate(batch)) for batch in range(51)]
    assert values[0] == 0
    assert values[:11] == sorted(values[:11])
    assert values[10] == max(values) == pytest.approx(0.1)
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[50] == pytest.approx(0, abs=1e-9)
    assert float(train._falling(0.1, 0, 50)(0)) == pytest.approx(0.1)
