"""The encoder is Whisper's, given its weights, and hears what Whisper's own front end gives it."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from service.audio.features import Floats
from tests.training.models.ctranslate2 import encoder_arrays, write
from training.configuration import shipped
from training.export import export_onnx
from training.models import whisper
from training.models.encoder import encoder
from training.models.network import Network

ROOT = Path(__file__).parents[3]
FRAMES, WIDTH, HEADS, BLOCKS = 31, 16, 2, 2


@pytest.fixture(scope="module")
def windows() -> Floats:
    return np.random.default_rng(0).uniform(-80, 0, (3, FRAMES, 80)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return encoder((FRAMES, 80), 5, blocks=BLOCKS, width=WIDTH, heads=HEADS)


def test_given_whispers_weights_the_last_two_blocks_say_what_whispers_do(tmp_path: Path) -> None:
    torch.manual_seed(0)
    configuration = WhisperConfig(
        d_model=WIDTH,
        encoder_layers=BLOCKS + 1,  # the last ends in a normalisation of its own
        encoder_attention_heads=HEADS,
        encoder_ffn_dim=4 * WIDTH,
        max_source_positions=15,
    )
    reference = WhisperEncoder(configuration).eval()
    network = encoder((30, 80), 5, blocks=BLOCKS, width=WIDTH, heads=HEADS)
    whisper.put_into(network, whisper.read(write(tmp_path / "model.bin", encoder_arrays(reference))))
    windows = np.random.default_rng(0).uniform(-80, 0, (3, 30, 80)).astype(np.float32)
    with torch.no_grad():
        theirs = reference(torch.tensor(windows / 40 + 1.5).mT, output_hidden_states=True).hidden_states
    ours = keras.Model(network.input, network.get_layer("heard").input)(windows)
    assert len(ours) == 2
    for mine, other in zip(ours, theirs[BLOCKS - 1 : BLOCKS + 1], strict=True):
        assert np.abs(np.asarray(mine) - other.numpy()).max() < 1e-5


def test_exported_network_is_made_of_operations_that_onnx_runtime_has(
    network: keras.Model, windows: Floats, tmp_path: Path
) -> None:
    configuration = shipped("speech_encoder")
    labels = ("a", "b", "c", "d", "e")
    assert export_onnx(Network(network), 1.3, configuration, labels, tmp_path / "model.onnx", windows) < 1e-5


def test_network_is_the_same_after_it_was_saved(network: keras.Model, windows: Floats, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.allclose(again(windows), network(windows), atol=1e-6)


def test_saved_network_is_read_by_a_process_that_has_built_none(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    code = "import sys; from pathlib import Path; from training.models.network import load; load(Path(sys.argv[1]))"
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [sys.executable, "-c", code, str(tmp_path / "model.keras")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_head_is_given_mean_and_deviation_over_time(network: keras.Model) -> None:
    x = np.random.default_rng(1).normal(3, 2, (2, 50, 4)).astype(np.float32)
    pooled = np.asarray(network.get_layer("statistics")(x))
    assert np.allclose(pooled, np.concatenate([x.mean(axis=1), x.std(axis=1)], axis=1), atol=1e-4)


def test_what_is_loud_weighs_more_where_it_is_asked_for(windows: Floats, tmp_path: Path) -> None:
    network = encoder((FRAMES, 80), 5, blocks=BLOCKS, width=WIDTH, heads=HEADS, loudness=True)
    rising = np.full((1, FRAMES, 80), -80, np.float32)
    rising[0, ::2, 7] = np.linspace(-75, 0, 16)
    weights = np.asarray(network.get_layer("loudness")(rising))
    assert np.allclose(weights[0, :, 0], np.clip(1 + np.linspace(-75, 0, 16) / 60, 0, 1), atol=1e-6)
    x = np.random.default_rng(1).normal(3, 2, (1, 16, 4)).astype(np.float32)
    mean = np.average(x, axis=1, weights=weights[0, :, 0])
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=1, weights=weights[0, :, 0]))
    pooled = np.asarray(network.get_layer("statistics")(x, weights))
    assert np.allclose(pooled, np.concatenate([mean, deviation], axis=1), atol=1e-4)
    labels = ("a", "b", "c", "d", "e")
    path = tmp_path / "model.onnx"
    assert export_onnx(Network(network), 1.3, shipped("burst_encoder"), labels, path, windows) < 1e-5


def test_silence_alone_is_heard_too(windows: Floats) -> None:
    network = encoder((FRAMES, 80), 5, blocks=BLOCKS, width=WIDTH, heads=HEADS, loudness=True)
    assert np.isfinite(network(np.full_like(windows, -80))).all()


def test_what_is_standardised_does_not_move_with_a_batch(network: keras.Model) -> None:
    x = np.random.default_rng(1).normal(3, 2, (8, 4 * WIDTH)).astype(np.float32)
    layer = network.get_layer("standardised")
    assert np.array_equal(layer(x, training=True), layer(x))


def test_front_end_is_whispers_but_for_the_level_and_the_edges() -> None:
    front_end = shipped("speech_encoder").front_end
    rng = np.random.default_rng(2)
    time = np.arange(48_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 440 * time * (1 + 0.1 * time)) + 0.01 * rng.normal(size=48_000)).astype(
        np.float32
    )
    theirs = WhisperFeatureExtractor()(sound, sampling_rate=16_000, return_tensors="np").input_features[0].T[:300]
    ours = front_end(sound[None])[0, :300]
    whispers = 10 * (4 * theirs - 4)  # as decibels
    edges = slice(2, -2)  # zeros beyond them here, a mirror there
    below = whispers - whispers[edges].max()
    assert np.abs(ours[edges] - ours[edges].max() - below[edges]).max() < 1e-2
