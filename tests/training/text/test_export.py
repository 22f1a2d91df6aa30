import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from training.text.export import ExportError, export_onnx, metadata
from training.text.model import Classifier
from training.text.settings import HEADS

TEMPERATURES = {"sentiment": 1.7, "emotion": 0.8}


@pytest.fixture(scope="module")
def model(encoder_folder):
    return Classifier.from_pretrained(encoder_folder, HEADS, dropout=0.1, seed=4)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(model, TEMPERATURES, metadata("text_tiny", "1.0.0", HEADS, 0), path)
    return path


@pytest.mark.parametrize(("batch", "tokens"), [(1, 2), (1, 64), (7, 33)])
def test_onnx_equals_torch(model, exported, batch, tokens):
    random = np.random.default_rng(tokens)
    ids = random.integers(4, model.config.vocab_size, size=(batch, tokens))
    mask = (np.arange(tokens) < random.integers(1, tokens + 1, size=(batch, 1))).astype(np.int64)
    session = ort.InferenceSession(exported)
    found = session.run(list(TEMPERATURES), {"input_ids": ids, "attention_mask": mask})
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(ids), torch.from_numpy(mask))
    for (head, temperature), values in zip(TEMPERATURES.items(), found, strict=True):
        np.testing.assert_allclose(values, torch.softmax(logits[head] / temperature, -1).numpy(), atol=1e-5)


def test_attention_is_fused(exported):
    assert [node.op_type for node in onnx.load(exported).graph.node].count("MultiHeadAttention") == 2


def test_the_file_says_what_it_is(exported):
    found = ort.InferenceSession(exported).get_modelmeta().custom_metadata_map
    assert json.loads(found["heads"]) == {head: list(labels) for head, labels in HEADS.items()}
    assert (found["name"], found["version"], found["pad_id"]) == ("text_tiny", "1.0.0", "0")


def test_a_graph_that_computes_something_else_is_refused(model, tmp_path):
    class Forgetful(Classifier):
        """Adds a number that tracing freezes at its value while the graph was written."""

        calls = 0.0

        def forward(self, input_ids, attention_mask):
            self.calls += 1
            logits = super().forward(input_ids, attention_mask)
            return {head: values * self.calls for head, values in logits.items()}

    with pytest.raises(ExportError, match=r"model\.onnx is off by"):
        export_onnx(
            Forgetful(model.encoder, HEADS, 0.1),
            TEMPERATURES,
            metadata("text_tiny", "1.0.0", HEADS, 0),
            tmp_path / "model.onnx",
        )
