"""A configuration on a corpus: its splits, its runs, and what is written about each.

A run is a configuration on one split. Its state lies in ``<runs>/<name>-<identity>/<split>``, where an interrupted one
goes on; its result is one JSON file, ``<results>/<name>/<split>.json``, which is all that a report needs.
"""

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from training import card, features
from training.augment import Augmentation, Sampler
from training.configuration import Configuration, ConfigurationError, shipped
from training.datasets import Clip, Corpus, read_crema_d, read_emogator, read_ravdess
from training.features import BANDS, load_features
from training.loaded import Loaded
from training.metrics import Tally, report
from training.models import FOREST, Trained, whisper
from training.splits import RANDOM

SHIPPED: Final = "shipped"
FOLDS: Final = tuple(f"fold-{number}" for number in range(1, 6))
RANDOM_SPLITS: Final = tuple(f"{RANDOM}-{number}" for number in range(1, 6))
PROTOCOLS: Final = {"speaker-independent": FOLDS, "paper": RANDOM_SPLITS}
ONNX_FILE: Final = "model.onnx"
# Windows from which quantisation takes the ranges of what flows in a network.
_EXAMPLES: Final = 256
# Settings that count only where they differ from the default: results were stored before there were any.
_LATER: Final = {
    *("warmup", "start", "teacher", "beside", "precision", "linear_probe", "probe_freedom", "averaging", "refit"),
    "int8",
}
_READERS: Final = {"RAVDESS": read_ravdess, "EmoGator": read_emogator, "CREMA-D": read_crema_d}

Result = dict[str, Any]


class NotExportedError(Exception):
    """Something cannot be exported yet. The message says what is missing; the same command then goes on from there."""


@dataclass(frozen=True)
class Experiment:
    """A configuration and where things lie. Small enough to send to another process.

    ``data`` is the folder of the corpus; one that is beside it lies there, too, in a folder of its name, such as
    ``crema-d``. ``runs`` is the folder of features and states, ``results`` that of results. ``clips`` chooses some of
    a corpus's.
    """

    configuration: Configuration
    data: Path
    runs: Path
    results: Path
    clips: Callable[[tuple[Clip, ...]], tuple[Clip, ...]] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Of its own corpus and, after a plus, of the one beside it."""
        return "+".join(corpus.fingerprint() for corpus in self.corpora)

    @cached_property
    def identity(self) -> str:
        """What a result must have been made with to be this experiment's."""
        decided = [settings(self.configuration), self.fingerprint, features.REVISION]
        return hashlib.sha256(json.dumps(decided).encode()).hexdigest()[:16]

    def folder(self, split: str) -> Path:
        return self.runs / f"{self.configuration.name}-{self.identity}" / split

    @property
    def teaching(self) -> "Experiment | None":
        """The experiment whose models this one's learn from, split by split.

        Raises:
            ConfigurationError: the teacher hears other features.
        """
        own = self.configuration
        if not own.teacher:
            return None
        configuration = shipped(own.teacher)
        if configuration.front_end != own.front_end:
            raise ConfigurationError(f"{own.name}: teacher: {own.teacher} has another front_end")
        return replace(self, configuration=configuration)

    def onnx(self, split: str) -> Path:
        """Where the model of a split is once it is made."""
        return self.folder(split) / ONNX_FILE

    def teacher(self, split: str) -> Path | None:
        """The model that the teacher's run on the same split has made.

        Raises:
            NotExportedError: it has not been made yet.
        """
        if self.teaching is None:
            return None
        path = self.teaching.onnx(split)
        if not path.exists():
            made_by = self.configuration.teacher
            raise NotExportedError(f"{path} is missing; make it with `python -m training ship {made_by}`")
        return path

    @property
    def corpus(self) -> Corpus:
        return self.corpora[0]

    @property
    def corpora(self) -> tuple[Corpus, ...]:
        """Its own, and the one beside it where there is one."""
        beside = self.configuration.beside
        corpora = [_corpus(self.configuration.corpus, self.data)]
        if beside:
            corpora.append(_corpus(beside, self.data.parent / beside.lower()))
        if self.clips is not None:
            corpora = [replace(corpus, clips=self.clips(corpus.clips)) for corpus in corpora]
        return tuple(corpora)

    @property
    def cache(self) -> Path:
        return self.runs / "features"

    def load(self) -> Loaded:
        """The corpora and their features, computed where they are not cached."""
        configuration = self.configuration
        own, *beside = (
            Loaded(
                configuration,
                corpus,
                load_features(corpus, configuration.front_end, self.cache, workers=1, seed=configuration.seed),
            )
            for corpus in self.corpora
        )
        return replace(own, beside=beside[0]) if beside else own

    def result(self, split: str) -> Result | None:
        """The result of a split, unless it is not there or was made with something else."""
        file = self._result_file(split)
        if not file.exists():
            return None
        found: Result = json.loads(file.read_text(encoding="utf-8"))
        return found if found["identity"] == self.identity else None

    def results_of(self, names: Iterable[str]) -> list[Result]:
        """Those of ``names`` that there are."""
        return [result for result in map(self.result, names) if result is not None]

    def write(self, split: str, result: Result) -> None:
        file = self._result_file(split)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")
        partial.replace(file)

    def _result_file(self, split: str) -> Path:
        return self.results / self.configuration.name / f"{split}.json"


def settings(configuration: Configuration) -> dict[str, Any]:
    """What decides a run; how it was chosen does not, nor what it does without."""
    decided = asdict(configuration)
    without = {field.name for field in fields(configuration) if decided[field.name] == field.default}
    for name in ("selection", *(_LATER & without)):
        del decided[name]
    if configuration.augmentation.lead == Augmentation().lead:
        del decided["augmentation"]["lead"]
    return decided


@lru_cache(maxsize=3)
def _corpus(name: str, data: Path) -> Corpus:
    return _READERS[name](data)


def run(experiment: Experiment, name: str) -> Result:
    """Train, calibrate, test and export on the split of that name, and write the result where there is none.

    Raises:
        NotExportedError: the network is trained, but not by TensorFlow.
        ExportError: ONNX and the trained model disagree.
    """
    from training import train
    from training.export import export_onnx

    started = time.process_time()
    loaded = experiment.load()
    configuration = experiment.configuration
    split = next(split for split in loaded.splits() if split.name == name)
    validation = loaded.evaluated(split.validation)
    folder = experiment.folder(name)
    teacher = experiment.teacher(name)
    sampler = loaded.sampler(split.train, teacher)
    model, history = train.fit(configuration, sampler, validation, folder, epochs=configuration.epochs)
    model = as_exported(model, configuration, sampler)
    # The temperature, like the epoch, is chosen before the test part is looked at.
    temperature, _ = validation.calibrate(validation.logits(model))
    again: train.History = []
    if configuration.refit:
        sampler = loaded.sampler(np.concatenate([split.train, split.validation]), teacher)
        epochs = train.best_epoch(history)
        model, again = train.fit(configuration, sampler, None, folder / "refit", epochs=epochs)
        model = as_exported(model, configuration, sampler)
    test = loaded.evaluated(split.test)
    logits = test.logits(model)
    tallies = test.tallies(logits, temperature)
    examples = np.concatenate([windows[:100] for windows in validation.windows.values()])
    path = experiment.onnx(name)
    difference = export_onnx(model, temperature, configuration, loaded.corpus.labels, path, examples)
    trained = sum(row["cpu_seconds"] for row in [*history, *again])
    result: Result = {
        "name": configuration.name,
        "split": name,
        "identity": experiment.identity,
        "configuration": settings(configuration),
        "corpus": loaded.corpus.name,
        "fingerprint": experiment.fingerprint,
        "labels": loaded.corpus.labels,
        "clips": {part: len(getattr(split, part)) for part in ("train", "validation", "test")},
        "epochs": train.best_epoch(history) if history else 1,
        "history": history,
        "temperature": round(temperature, 4),
        "bands": {band: tally.to_json() for band, tally in tallies.items()},
        "sets": {band: counts.tolist() for band, counts in test.sets(logits, temperature).items()},
        "parameters": model.parameters,
        "onnx_bytes": path.stat().st_size,
        "onnx_difference": difference,
        "latency_ms": latency(path, loaded),
        "cpu_seconds": round(trained or time.process_time() - started, 1),
        **({"start_sha256": whisper.SHA256} if configuration.start else {}),
        **({"teacher_sha256": hashlib.sha256(teacher.read_bytes()).hexdigest()} if teacher else {}),
        "commit": card.commit(),
        "libraries": card.library_versions(),
    }
    if experiment.result(name) is None:
        experiment.write(name, result)
    return result


def as_exported(model: Trained, configuration: Configuration, sampler: Sampler) -> Trained:
    """What was trained, with windows of ``sampler``, as it is exported."""
    if configuration.model == FOREST:
        return model
    import keras

    from training.models.network import Network
    from training.models.quantised import Quantised

    if keras.backend.backend() != "tensorflow":
        raise NotExportedError(f"trained by {keras.backend.backend()}; run this again with TensorFlow to export it")
    if configuration.int8 and isinstance(model, Network):
        return Quantised(model, sampler.epoch(0)[0][:_EXAMPLES])
    return model


def latency(path: Path, loaded: Loaded) -> float:
    """Milliseconds of CPU for the features and the network of one window of sound: the median of 30, on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    front_end = loaded.configuration.front_end
    sound = np.random.default_rng(0).normal(0, 0.1, (1, front_end.window_samples)).astype(np.float32)
    taken = []
    for _ in range(30):
        started = time.process_time()
        session.run(None, {"input": front_end(sound)})
        taken.append(time.process_time() - started)
    return round(1000 * statistics.median(taken), 2)


def protocol_reports(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of both protocols in both bands, over the test parts of what ``results`` there are."""
    reports: dict[str, Any] = {}
    for protocol, names in PROTOCOLS.items():
        found = [result for result in results if result["split"] in names]
        if found:
            seed = found[0]["configuration"]["seed"]
            reports[protocol] = {
                band: {
                    "folds": len(found),
                    **report(
                        Tally.sum(Tally.from_json(result["bands"][band]) for result in found),
                        tuple(found[0]["labels"]),
                        seed=seed,
                    ),
                }
                for band in BANDS
            }
    return reports
