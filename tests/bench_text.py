"""``make bench``: how fast texts are read, against ``transformers.pipeline`` on PyTorch with the same weights.

Both sides have the same cores, and the same texts: single sentences of 5 to 40 words. The service answers over HTTP,
32 connections at a time from a process of their own, which takes its part of the cores. The pipeline is called in three
ways: a text at a time, by 32 threads at a time, and with all texts at once in batches of the size that suits it best.
"""

import argparse
import asyncio
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import (
    BertConfig,
    BertModel,
    Pipeline,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from service.inference.sentences import sentence_spans
from tests.servers import free_port
from tests.system import Process, started
from training.text.model import Classifier
from training.text.settings import HEADS

ROOT = Path(__file__).resolve().parents[1]
ARTEFACT = ROOT / "onnx_models/text_minilm"
CONCURRENCY = 32
_HEAD = b"POST /analyze-text HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
LABELS = [f"{head} {label}" for head, labels in HEADS.items() for label in labels]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="with meld/ and goemotions/")
    parser.add_argument("--texts", type=int, default=1000, help="texts of each measurement (%(default)s)")
    parser.add_argument("--soak", type=int, default=50_000, help="texts whose memory is watched (%(default)s)")
    options = parser.parse_args()
    every = sentences(options.data)
    texts = every[: options.texts]
    words = [len(text.split()) for text in texts]
    print(f"{len(texts)} sentences of {min(words)} to {max(words)} words, {np.mean(words):.1f} on average")

    pipeline = torch_pipeline()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(CONCURRENCY) as threads:
        port = free_port()
        settings = {"V2V_PORT": str(port), "V2V_DATA_DIR": folder, "V2V_LOG_LEVEL": "warning"}
        process = Process("service", ["service"], settings, Path(folder))
        with started(process):
            service = Service(port)
            service.read(texts[:100], CONCURRENCY)
            compare(texts, service, pipeline)
            rates = [texts_a_second(texts, lambda: service.read(texts, CONCURRENCY)) for _ in range(3)]
            ours = max(rates)
            print(f"service over HTTP, {CONCURRENCY} at a time   {ours:7.1f} texts a second")
            batches = texts_a_second(texts, lambda: service.read_batches(texts))
            print(f"service over HTTP, batches of 256 {batches:7.1f} texts a second")
            ways: dict[str, Callable[[], object]] = {
                "pipeline, a text at a time": lambda: [pipeline(text) for text in texts],
                f"pipeline, {CONCURRENCY} threads at a time": lambda: list(threads.map(pipeline, texts)),
                **{
                    f"pipeline, all texts in batches of {size}": lambda size=size: pipeline(texts, batch_size=size)
                    for size in (8, CONCURRENCY)
                },
            }
            for name, way in ways.items():
                rate = texts_a_second(texts, way)
                print(f"{name:40s} {rate:7.1f} texts a second; the service is {ours / rate:4.1f} times as fast")
            latencies = service.read(texts, 1)
            print("one request at a time: " + ", ".join(f"p{q} {np.percentile(latencies, q):.1f} ms" for q in (50, 95)))
            soak(every, options.soak, service, process)


def sentences(data: Path) -> list[str]:
    """Different sentences of 5 to 40 words out of MELD and GoEmotions, in an order that is always the same."""
    with (data / "meld/train_sent_emo.csv").open(encoding="utf-8") as file:
        texts = [row["Utterance"] for row in csv.DictReader(file)]
    lines = (data / "goemotions/train.tsv").read_text(encoding="utf-8").split("\n")
    texts += [line.split("\t")[0] for line in lines]
    suitable = [t for t in dict.fromkeys(texts) if 5 <= len(t.split()) <= 40 and len(sentence_spans(t)) == 1]
    order = np.random.default_rng(0).permutation(len(suitable))
    return [suitable[index] for index in order]


class _Twin(PreTrainedModel):
    """The network of the artefact as ``transformers`` runs it: the logits of all heads side by side."""

    config_class = BertConfig
    _supports_sdpa = True

    def __init__(self, config: BertConfig, classifier: Classifier) -> None:
        super().__init__(config)
        self.classifier = classifier

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> SequenceClassifierOutput:
        logits = self.classifier(input_ids, attention_mask)
        return SequenceClassifierOutput(logits=torch.cat(list(logits.values()), dim=1))


def torch_pipeline() -> Pipeline:
    """A pipeline with the weights of the artefact, in float32."""
    weights, heads = torch_weights(onnx.load(ARTEFACT / "model.onnx"))
    vocabulary, width = weights["encoder.embeddings.word_embeddings.weight"].shape
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=sum(name.endswith("query.weight") for name in weights),
        num_attention_heads=heads,
        intermediate_size=len(weights["encoder.encoder.layer.0.intermediate.dense.bias"]),
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
    )
    classifier = Classifier(BertModel(config, add_pooling_layer=False), HEADS, dropout=0.0)
    classifier.load_state_dict(weights)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(ARTEFACT / "tokenizer.json"), pad_token="[PAD]")  # noqa: S106 - no password
    model = _Twin(config, classifier).eval()
    return TextClassificationPipeline(
        model=model, tokenizer=tokenizer, function_to_apply="none", top_k=None, device="cpu", truncation=True
    )


def torch_weights(model: Any) -> tuple[dict[str, torch.Tensor], int]:
    """The weights in the artefact by their names in PyTorch, those of int8 made float32, and the attention heads."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    named = {name.removeprefix("network."): values for name, values in constants.items() if name.startswith("network.")}
    heads = 0
    for node in model.graph.node:
        owner = node.output[0].removeprefix("/network/").rpartition("/")[0].replace("/", ".")
        if node.op_type == "MatMulIntegerToFloat":
            named[f"{owner}.weight"] = (constants[node.input[1]] * constants[node.input[3]]).T
        elif node.op_type == "MultiHeadAttention":
            attention = node.input[0].removeprefix("/network/").replace("/", ".").removesuffix(".query.MatMul_output_0")
            for part, bias in zip(("query", "key", "value"), np.split(constants[node.input[3]], 3), strict=True):
                named[f"{attention}.{part}.bias"] = bias
            heads = next(attribute.i for attribute in node.attribute if attribute.name == "num_heads")
    table = "encoder.embeddings.word_embeddings.weight"
    named[table] = named.pop(f"{table}_int8") * named.pop(f"{table}_scale")
    return {name: torch.tensor(np.asarray(values, dtype=np.float32)) for name, values in named.items()}, heads


class Service:
    """A client that costs little: HTTP/1.1 on connections that stay open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: dict[str, Any] = {}

    def read(self, texts: Sequence[str], concurrency: int) -> list[float]:
        """Milliseconds of a request for each of ``texts``, so many under way at a time."""
        return asyncio.run(self._all([{"text": text} for text in texts], concurrency))

    def read_batches(self, texts: Sequence[str]) -> list[float]:
        batches = [texts[first : first + 256] for first in range(0, len(texts), 256)]
        return asyncio.run(self._all([{"texts": batch} for batch in batches], 1))

    async def _all(self, bodies: Iterable[dict[str, Any]], concurrency: int) -> list[float]:
        waiting = iter([json.dumps(body).encode() for body in bodies])
        found = await asyncio.gather(*(self._connection(waiting) for _ in range(concurrency)))
        return [milliseconds for each in found for milliseconds in each]

    async def _connection(self, bodies: Iterator[bytes]) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        times = []
        for body in bodies:
            began = time.perf_counter()
            writer.write(_HEAD % len(body) + body)
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(headers.partition(b"content-length:")[2].split(b"\r\n")[0])
            answer = json.loads(await reader.readexactly(length))
            times.append(1000 * (time.perf_counter() - began))
            if not headers.startswith(b"http/1.1 200"):
                raise RuntimeError(f"{headers.decode()}{answer}")
            self.answers[body.decode()] = answer
        writer.close()
        return times


def compare(texts: Sequence[str], service: Service, pipeline: Pipeline) -> None:
    """Both sides have to read the same: how often they agree on the sentiment."""
    service.read(texts[:200], CONCURRENCY)
    agree = 0
    for text in texts[:200]:
        (found,) = pipeline([text])
        scores = {label["label"]: label["score"] for label in found}
        (result,) = service.answers[json.dumps({"text": text})]["results"]
        agree += result["sentiment"]["label"] == max(HEADS["sentiment"], key=lambda label: scores[f"sentiment {label}"])
    print(f"same sentiment in {agree} of 200 texts")


def soak(texts: Sequence[str], wanted: int, service: Service, process: Process) -> None:
    """The memory of the service while it reads ``wanted`` texts, no two alike."""
    read = 0
    while read < wanted:
        part = [f"{texts[(read + row) % len(texts)]} {read + row}" for row in range(min(5000, wanted - read))]
        service.answers.clear()
        service.read(part, CONCURRENCY)
        read += len(part)
        print(f"after {read:6d} texts: {process.resident_mb:.0f} MB resident", flush=True)


def texts_a_second(texts: Sequence[str], work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return len(texts) / (time.perf_counter() - began)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
