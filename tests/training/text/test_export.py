import json

import numpy as np
import onnx
import pytest
import torch

from service.emotions import SENTIMENTS
from training.text.export import ExportError, export_onnx, metadata, quantize, session
from training.text.model import Classifier


@pytest.fixture(scope="module")
def model(encoder_folder):
    return Classifier.from_pretrained(encoder_folder, len(SENTIMENTS), dropout=0.1, seed=4)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(model, 1.7, metadata("text_sentiment", "1.0.0", SENTIMENTS), path)
    return path


@pytest.mark.parametrize(("batch", "tokens"), [(1, 2), (1, 64), (7, 33)])
def test_onnx_equals_torch(model, exported, batch, tokens):
    random = np.random.default_rng(tokens)
    ids = random.integers(4, model.encoder.config.vocab_size, size=(batch, tokens))
    mask = (np.arange(tokens) < random.integers(1, tokens + 1, size=(batch, 1))).astype(np.int64)
    (found,) = session(exported).run(None, {"input_ids": ids, "attention_mask": mask})
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(ids), torch.from_numpy(mask))
    np.testing.assert_allclose(found, torch.softmax(logits / 1.7, -1).numpy(), atol=1e-5)


def test_attention_is_fused_and_survives_quantisation(exported, tmp_path):
    assert [node.op_type for node in onnx.load(exported).graph.node].count("Attention") == 2
    quantize(exported, tmp_path / "int8.onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
    assert operators.count("QAttention") == 2
    ids = np.array([[2, 9, 8, 3]])
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    (full,) = session(exported).run(None, inputs)
    (small,) = session(tmp_path / "int8.onnx").run(None, inputs)
    np.testing.assert_allclose(small, full, atol=0.05)


def test_metadata_is_in_both_files(exported, tmp_path):
    quantize(exported, tmp_path / "int8.onnx")
    for path in (exported, tmp_path / "int8.onnx"):
        found = session(path).get_modelmeta().custom_metadata_map
        assert json.loads(found["labels"]) == list(SENTIMENTS)
        assert (found["name"], found["version"]) == ("text_sentiment", "1.0.0")


def test_a_graph_that_computes_something_else_is_refused(model, tmp_path):
    class Forgetful(Classifier):
        """Adds a number that tracing freezes at its value while the graph was written."""

        calls = 0.0

        def forward(self, input_ids, attention_mask):
            self.calls += 1
            return super().forward(input_ids, attention_mask) * self.calls

    forgetful = Forgetful(model.encoder, len(SENTIMENTS), 0.1)
    with pytest.raises(ExportError, match=r"model\.onnx is off by"):
        export_onnx(forgetful, 1.0, metadata("text_sentiment", "1.0.0", SENTIMENTS), tmp_path / "model.onnx")
