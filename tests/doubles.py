"""Tiny artefacts in place of the trained ones, behind the same port: right shapes, meaningless weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from service.audio.features import FrontEnd
from service.inference.acoustic import LABELS
from service.inference.artefacts import CARD_FILE, MODEL_FILE, write_sums
from service.inference.text import TOKENIZER_FILE

_TEXT_INPUTS = ("input_ids", "attention_mask")
_BUNDLED = ("voice_activity", "speech_encoder", "burst_encoder", "text_minilm")


def link_bundled_models(models_dir: Path, folder: Path) -> None:
    """Make ``folder`` with those of ``models_dir`` that the service loads at its start, and no other."""
    folder.mkdir()
    for name in _BUNDLED:
        (folder / name).symlink_to(models_dir / name)


def write_emotion_model(
    folder: Path,
    labels: Sequence[str],
    *,
    front_end: FrontEnd | None = None,
    name: str | None = None,
    task: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """An emotion artefact in ``folder`` for ``front_end``, which is the default one unless another is given.

    It is the softmax of a fixed linear map of the mean over the frames of each window, or, where the front end pools
    them itself, a forest of one tree as skl2onnx writes it. ``task`` goes into the card, which without it names the one
    that the labels are of. ``metadata`` replaces what the network says of itself.
    """
    front_end = front_end or FrontEnd()
    columns = front_end.columns
    random = np.random.default_rng(len(labels) + columns)
    weights = random.normal(scale=0.02, size=(columns, len(labels))).astype(np.float32)
    if front_end.statistics:
        nodes, initializers = [_tree(labels)], []
    else:
        nodes = [
            helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ]
        initializers = [numpy_helper.from_array(weights, "weights")]
    graph = helper.make_graph(
        nodes,
        "double",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *front_end.shape])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(labels)])],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    given = {
        "name": name or folder.name,
        "version": "0.0.0",
        "labels": json.dumps(list(labels)),
        "front_end": json.dumps(asdict(front_end)),
        **(metadata or {}),
    }
    known = {of: known.value for known, of in LABELS.items()}
    _write(
        folder, helper.make_model(graph, opset_imports=opsets, ir_version=10), given, task or known.get(tuple(labels))
    )


def _tree(labels: Sequence[str]) -> onnx.NodeProto:
    """Is the first value below its split? The first label is likelier then, the last one else."""
    classes = len(labels)
    likely, unlikely = 0.5, 0.5 / (classes - 1)
    shares = [[likely if label == best else unlikely for label in range(classes)] for best in (0, classes - 1)]
    return helper.make_node(
        "TreeEnsembleClassifier",
        ["input"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[-40.0, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        nodes_missing_value_tracks_true=[0, 0, 0],
        nodes_hitrates=[1.0, 1.0, 1.0],
        class_treeids=[0] * 2 * classes,
        class_nodeids=[1] * classes + [2] * classes,
        class_ids=[*range(classes)] * 2,
        class_weights=[*shares[0], *shares[1]],
        classlabels_int64s=[*range(classes)],
        post_transform="NONE",
    )


def write_text_model(
    folder: Path,
    heads: Mapping[str, Sequence[str]],
    *,
    window: int = 12,
    stride: int = 2,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """A text artefact in ``folder``: softmax of the mean of its words' vectors, in windows of ``window`` tokens.

    Every label is a word that speaks for that label; any other word says hardly anything. Padding that is not masked
    speaks loudly for the first label. ``metadata`` replaces what the network says of itself.
    """
    labels = [label for names in heads.values() for label in names]
    vocabulary = {word: row for row, word in enumerate(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *labels]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(word, vocabulary[word]) for word in ("[CLS]", "[SEP]")]
    )
    tokenizer.enable_truncation(window, stride=stride)

    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask", "last"], ["counts"], keepdims=1),
        helper.make_node("Unsqueeze", ["mask", "end"], ["column"]),
    ]
    weights = [numpy_helper.from_array(np.array([1]), "last"), numpy_helper.from_array(np.array([2]), "end")]
    for head, names in heads.items():
        vectors = np.random.default_rng(len(names)).normal(size=(len(vocabulary), len(names))).astype(np.float32) / 10
        vectors[vocabulary["[PAD]"], 0] = 100
        vectors[[vocabulary[name] for name in names], range(len(names))] = 20
        weights.append(numpy_helper.from_array(vectors, f"{head}_vectors"))
        nodes += [
            helper.make_node("Gather", [f"{head}_vectors", "input_ids"], [f"{head}_words"]),
            helper.make_node("Mul", [f"{head}_words", "column"], [f"{head}_read"]),
            helper.make_node("ReduceSum", [f"{head}_read", "last"], [f"{head}_sum"], keepdims=0),
            helper.make_node("Div", [f"{head}_sum", "counts"], [f"{head}_mean"]),
            helper.make_node("Softmax", [f"{head}_mean"], [head], axis=1),
        ]
    graph = helper.make_graph(
        nodes,
        "double",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in _TEXT_INPUTS],
        [helper.make_tensor_value_info(head, TensorProto.FLOAT, ["batch", len(heads[head])]) for head in heads],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    given = {"name": folder.name, "version": "0.0.0", "pad_id": "0", "heads": json.dumps(heads), **(metadata or {})}
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / TOKENIZER_FILE))
    _write(folder, model, given, "text-classification")


def _write(folder: Path, model: onnx.ModelProto, metadata: Mapping[str, str], task: str | None) -> None:
    helper.set_model_props(model, dict(metadata))
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / MODEL_FILE)
    card = {
        "name": metadata["name"],
        "version": metadata["version"],
        "task": task,
        "description": "A test double with meaningless weights.",
    }
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    write_sums(folder)
