import numpy as np
import onnx
import onnxruntime as ort
import pytest
from transformers import BertConfig, BertModel

from training.quantize import quantize
from training.text.export import export_onnx, metadata
from training.text.model import Classifier
from training.text.settings import HEADS

VOCABULARY = 16_000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network with an embedding table of a real one's size, and what it was quantised to."""
    folder = tmp_path_factory.mktemp("onnx")
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        attn_implementation="eager",
    )
    model = Classifier(BertModel(config), HEADS, dropout=0.1)
    facts = metadata("text_tiny", "1.0.0", HEADS, 0)
    export_onnx(model, dict.fromkeys(HEADS, 1.0), facts, folder / "fp32.onnx")
    onnx.save(quantize(onnx.load(folder / "fp32.onnx"), map(_inputs, _texts(40, seed=1))), folder / "int8.onnx")
    return folder / "fp32.onnx", folder / "int8.onnx"


def _texts(count: int, seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(5, VOCABULARY, size=length).tolist() for length in random.integers(2, 50, size=count)]


def _inputs(ids: list[int]) -> dict[str, np.ndarray]:
    tokens = np.array([ids], dtype=np.int64)
    return {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}


def _read(session: ort.InferenceSession, texts: list[list[int]]) -> np.ndarray:
    ids = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
    return np.concatenate(session.run(None, {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64)}), axis=1)


def test_it_computes_nearly_the_same(files):
    fp32, int8 = (
        np.concatenate([_read(ort.InferenceSession(file), [text]) for text in _texts(40, 2)]) for file in files
    )
    assert 0 < np.abs(fp32 - int8).max() < 0.01


def test_a_batch_gives_what_single_texts_give(files):
    session, texts = ort.InferenceSession(files[1]), _texts(30, 3)
    alone = np.concatenate([_read(session, [text]) for text in texts])
    np.testing.assert_allclose(_read(session, texts), alone, atol=1e-6)


def test_every_product_with_weights_and_the_word_embeddings_are_int8(files):
    graph = onnx.load(files[1]).graph
    operators = [node.op_type for node in graph.node]
    assert operators.count("MatMulIntegerToFloat") == 2 * 6
    assert "MatMul" not in operators
    floats = [np.prod(t.dims) for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert max(floats) <= 512 * 64  # the position embeddings
    assert files[1].stat().st_size < files[0].stat().st_size / 3


def test_weights_keep_to_seven_bits(files):
    graph = onnx.load(files[1]).graph
    products = {node.input[1] for node in graph.node if node.op_type == "MatMulIntegerToFloat"}
    limits = {t.name: np.abs(onnx.numpy_helper.to_array(t)).max() for t in graph.initializer if t.name in products}
    assert set(limits.values()) == {63}


def test_it_is_still_said_what_the_file_is(files):
    one, other = (ort.InferenceSession(file).get_modelmeta().custom_metadata_map for file in files)
    assert one == other
