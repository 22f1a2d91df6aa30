"""From a folder of clips to one result a split: all that a report needs, and nothing of the machine it was made on."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime as ort
import pytest

from service.audio.features import FrontEnd
from tests.training.made_up import PLAIN
from training import REPORTS, features, train
from training import experiment as experiments
from training.configuration import Configuration, ConfigurationError, shipped
from training.datasets import CorpusError
from training.experiment import (
    FOLDS,
    RANDOM_SPLITS,
    Experiment,
    NotExportedError,
    Result,
    protocol_reports,
    run,
    settings,
)
from training.features import Features
from training.models import FOREST

NETWORK = Configuration(
    "tiny_cnn1d", "EmoGator", "cnn1d", network={"channels": (4,), "dense": 4}, epochs=2, batch_size=32
)
TREES = Configuration(
    "tiny_rf",
    "EmoGator",
    FOREST,
    front_end=FrontEnd(features=("mfcc",), statistics=True),
    network={"trees": 8, "leaves": 20},
    augmentation=replace(PLAIN, variants=("wideband", "telephone")),
    copies=2,
)
LABELS = ["confusion", "nervousness", "guilt", "pride", "shame"]


@pytest.fixture(scope="module")
def network(
    tiny_emogator: Path, tiny_runs: Path, tiny_features: Features, tmp_path_factory: pytest.TempPathFactory
) -> Experiment:
    return Experiment(NETWORK, tiny_emogator, tiny_runs, tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def trees(network: Experiment) -> Experiment:
    return replace(network, configuration=TREES)


@pytest.fixture(scope="module")
def network_result(network: Experiment) -> Result:
    return run(network, "fold-2")


@pytest.fixture(scope="module")
def trees_result(trees: Experiment) -> Result:
    return run(trees, "random-3")


@pytest.fixture(params=["network", "trees"])
def done(request: pytest.FixtureRequest) -> tuple[Experiment, Result]:
    """A run of a network on a fold, and one of a forest on a random split."""
    return request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_result")


def test_result_holds_what_reports_need(done: tuple[Experiment, Result]) -> None:
    experiment, result = done
    assert set(result) == {
        *("name", "split", "identity", "configuration", "corpus", "fingerprint", "labels", "clips", "epochs", "sets"),
        *("history", "temperature", "bands", "parameters", "onnx_bytes", "onnx_difference", "latency_ms"),
        *("cpu_seconds", "commit", "libraries"),
    }
    assert result["name"] == experiment.configuration.name
    assert result["corpus"] == "EmoGator"
    assert list(result["labels"]) == LABELS
    assert result["configuration"]["front_end"]["n_mels"] == 64
    assert result["onnx_difference"] <= 1e-4
    assert result["temperature"] > 0
    assert result["latency_ms"] > 0
    assert result["cpu_seconds"] > 0
    assert len(result["fingerprint"]) == 64
    assert re.fullmatch(r"[0-9a-f]{40}( with local changes)?|unknown", result["commit"])
    assert {"keras", "onnxruntime", "numpy", "scipy", "av"} <= set(result["libraries"])


def test_result_is_written_as_json_that_says_the_same(done: tuple[Experiment, Result]) -> None:
    experiment, result = done
    file = experiment.results / result["name"] / f"{result['split']}.json"
    text = file.read_text(encoding="utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert json.loads(text, parse_constant=refuse) == json.loads(json.dumps(result))
    assert experiment.result(result["split"]) == json.loads(text)
    assert experiment.results_of([*FOLDS, *RANDOM_SPLITS]) == [json.loads(text)]
    assert len(text) < 20_000
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_result_names_no_folder_of_this_machine(done: tuple[Experiment, Result]) -> None:
    experiment, result = done
    text = json.dumps(result)
    for folder in (experiment.data, experiment.runs, experiment.results, Path.home(), Path.cwd()):
        assert str(folder) not in text
    assert not [word for word in strings(json.loads(text)) if re.match(r"/|[A-Za-z]:\\|\\\\|~|file:", word)]


def strings(value: Any) -> list[str]:
    """Every string in a JSON document, keys too."""
    if isinstance(value, dict):
        return [word for pair in value.items() for each in pair for word in strings(each)]
    if isinstance(value, list):
        return [word for each in value for word in strings(each)]
    return [value] if isinstance(value, str) else []


def test_every_clip_of_the_test_part_is_scored_once_in_each_band(done: tuple[Experiment, Result]) -> None:
    experiment, result = done
    loaded = experiment.load()
    (split,) = (split for split in loaded.splits() if split.name == result["split"])
    assert result["clips"] == {
        "train": len(split.train),
        "validation": len(split.validation),
        "test": len(split.test),
    }
    assert sum(result["clips"].values()) == 150
    tested = [loaded.corpus.clips[clip] for clip in split.test]
    for band in ("wideband", "telephone"):
        confusion = {speaker: np.array(counts) for speaker, counts in result["bands"][band]["confusion"].items()}
        assert set(confusion) == {clip.speaker for clip in tested}
        for number, label in enumerate(LABELS):
            for speaker, counts in confusion.items():
                assert counts[number].sum() == sum(clip.speaker == speaker and clip.label == label for clip in tested)
        reliability = np.array(result["bands"][band]["reliability"])
        assert reliability.shape == (15, 3)
        assert reliability[:, 0].sum() == len(tested)
        assert reliability[:, 1].sum() == sum(np.trace(counts) for counts in confusion.values())


def test_network_result_has_a_history_and_its_best_epoch(network_result: Result) -> None:
    assert [row["epoch"] for row in network_result["history"]] == [1, 2]
    assert network_result["epochs"] == train.best_epoch(network_result["history"])
    assert network_result["cpu_seconds"] == pytest.approx(
        sum(row["cpu_seconds"] for row in network_result["history"]), abs=0.06
    )


def test_forest_result_has_no_history(trees_result: Result) -> None:
    assert trees_result["history"] == []
    assert trees_result["epochs"] == 1


def test_exported_network_lies_with_the_run_and_is_named_and_calibrated(done: tuple[Experiment, Result]) -> None:
    experiment, result = done
    file = experiment.folder(result["split"]) / "model.onnx"
    assert file.stat().st_size == result["onnx_bytes"]
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["name"] == result["name"]
    assert json.loads(metadata["labels"]) == LABELS
    loaded = experiment.load()
    inputs = loaded.features.inputs("wideband", np.arange(4), experiment.configuration.front_end)
    (probabilities,) = session.run(None, {"input": inputs})
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_same_seed_and_data_give_the_same_result(trees: Experiment, trees_result: Result, tmp_path: Path) -> None:
    again = run(replace(trees, results=tmp_path), "random-3")
    measured = {"latency_ms", "cpu_seconds"}
    assert {key: again[key] for key in again.keys() - measured} == {
        key: trees_result[key] for key in trees_result.keys() - measured
    }


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"epochs": 3},
        {"copies": 2},
        {"learning_rate": 1e-3},
        {"network": {"channels": (4,), "dense": 5}},
        {"front_end": FrontEnd(hop_length=256)},
        {"augmentation": PLAIN},
        {"smote": True},
        {"name": "other"},
    ],
)
def test_another_setting_is_another_run(change: dict[str, Any], network: Experiment) -> None:
    other = replace(network, configuration=replace(NETWORK, **change))
    assert other.identity != network.identity
    assert other.folder("fold-1") != network.folder("fold-1")


def test_other_sounds_labels_or_code_are_another_run(
    network: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = shutil.copytree(network.data, tmp_path / "elsewhere")
    assert replace(network, data=elsewhere).identity == network.identity
    changed = shutil.copytree(network.data, tmp_path / "changed")
    clip = changed / "000001-05-1.wav"
    clip.write_bytes(clip.read_bytes()[:-2] + b"\1\1")
    assert replace(network, data=changed).identity != network.identity
    assert replace(network, clips=lambda clips: clips[:75]).identity != network.identity
    monkeypatch.setattr(features, "REVISION", features.REVISION + 1)
    assert replace(network, runs=tmp_path).identity != network.identity


def test_where_things_lie_and_what_is_told_of_the_choice_change_nothing(network: Experiment, tmp_path: Path) -> None:
    same = replace(network, runs=tmp_path, results=tmp_path, configuration=replace(NETWORK, selection="by luck"))
    assert same.identity == network.identity


@pytest.mark.parametrize(
    "file", sorted((REPORTS / "runs").glob("*/*.json")), ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_committed_result_is_of_the_configuration_that_is_shipped(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a rerun of the table finds it done."""
    result = json.loads(file.read_text(encoding="utf-8"))
    monkeypatch.setattr(Experiment, "fingerprint", result["fingerprint"])
    rerun = Experiment(shipped(file.parent.name), Path("data"), Path("runs"), REPORTS / "runs")
    assert rerun.result(file.stem) == result


def test_result_of_something_else_is_not_this_ones(trees: Experiment, trees_result: Result, tmp_path: Path) -> None:
    here = replace(trees, results=tmp_path)
    assert here.result("random-3") is None
    here.write("random-3", {**trees_result, "identity": "of another"})
    assert here.result("random-3") is None
    here.write("random-3", trees_result)
    assert here.result("random-3") == json.loads(json.dumps(trees_result))
    assert here.result("random-4") is None


def test_splits_are_five_folds_of_speakers_and_five_random_ones(network: Experiment) -> None:
    """And the two clips that are one take are on one side of all of them."""
    loaded = network.load()
    made = loaded.splits()
    assert [split.name for split in made] == [*FOLDS, *RANDOM_SPLITS]
    keys = [clip.key for clip in loaded.corpus.clips]
    twins = {keys.index("000003-05-1"), keys.index("000003-05-2")}
    for split in made:
        sides = [set(part) for part in (split.train, split.validation, split.test)]
        assert sum(map(len, sides)) == 150
        assert any(twins <= side for side in sides)
        for side in sides:
            for other in sides:
                speakers = [{loaded.speakers[clip] for clip in part} for part in (side, other)]
                assert side is other or split.name.startswith("random") or speakers[0].isdisjoint(speakers[1])


def test_part_is_evaluated_on_its_own_windows(trees: Experiment) -> None:
    loaded = trees.load()
    clips = np.array([140, 3, 77])
    evaluated = loaded.evaluated(clips)
    assert [evaluated.speakers[number] for number in range(3)] == [loaded.speakers[clip] for clip in clips]
    assert evaluated.truth.tolist() == [LABELS.index(loaded.corpus.clips[clip].label) for clip in clips]
    for band, windows in evaluated.windows.items():
        for window, owner in zip(windows, evaluated.owner, strict=True):
            (expected,) = loaded.features.inputs(band, clips[[owner]], TREES.front_end)
            assert np.array_equal(window, expected)


def test_training_part_is_all_that_a_run_trains_on(
    trees: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    fit = train.fit

    def look(configuration: Configuration, sampler: Any, *rest: Any, **options: Any) -> Any:
        shown.append(sampler.clips)
        return fit(configuration, sampler, *rest, **options)

    monkeypatch.setattr(train, "fit", look)
    here = replace(trees, results=tmp_path)
    run(here, "fold-1")
    (split, *_) = trees.load().splits()
    assert [clips.tolist() for clips in shown] == [split.train.tolist()]


def test_model_is_made_again_without_touching_its_published_result(trees: Experiment, tmp_path: Path) -> None:
    here = replace(trees, results=tmp_path)
    published = {"identity": here.identity}
    here.write("fold-1", published)
    run(here, "fold-1")
    assert here.onnx("fold-1").exists()
    assert here.result("fold-1") == published


def test_refit_is_of_as_many_epochs_as_validation_chose_and_hears_its_speakers_but_nobody_of_the_test(
    network: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(network, results=tmp_path, configuration=replace(NETWORK, name="again", refit=True))
    shown = []
    fit = train.fit

    def look(configuration: Configuration, sampler: Any, validation: Any, folder: Path, **options: Any) -> Any:
        shown.append((set(sampler.clips), validation is None, options["epochs"]))
        return fit(configuration, sampler, validation, folder, **options)

    monkeypatch.setattr(train, "fit", look)
    result = run(here, "fold-1")
    (split, *_) = here.load().splits()
    train_part, validation = set(split.train), set(split.validation)
    assert shown == [(train_part, False, 2), (train_part | validation, True, result["epochs"])]
    assert not (train_part | validation) & set(split.test)
    assert len(result["history"]) == 2


def test_network_trained_in_bfloat16_is_tested_and_exported_in_float32(network: Experiment, tmp_path: Path) -> None:
    mixed = replace(NETWORK, name="mixed", precision="mixed_bfloat16")
    result = run(replace(network, results=tmp_path, configuration=mixed), "fold-1")
    assert result["configuration"]["precision"] == "mixed_bfloat16"
    assert result["onnx_difference"] < 1e-5
    assert keras.config.dtype_policy().name == "float32"


@pytest.fixture
def student(network: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(experiments, "shipped", lambda name: replace(NETWORK, name=name))
    return replace(network, results=tmp_path, configuration=replace(NETWORK, name="student", teacher="tiny_cnn1d"))


def test_student_learns_from_the_teacher_of_the_same_split(student: Experiment, network_result: Result) -> None:
    teacher = student.teacher("fold-2")
    assert teacher is not None
    result = run(student, "fold-2")
    assert result["teacher_sha256"] == hashlib.sha256(teacher.read_bytes()).hexdigest()
    assert [row["loss"] for row in result["history"]] != [row["loss"] for row in network_result["history"]]


def test_student_without_a_teacher_says_how_to_make_one(student: Experiment) -> None:
    with pytest.raises(NotExportedError, match="make it with `python -m training ship tiny_cnn1d`"):
        student.teacher("random-5")


def test_student_hears_what_its_teacher_hears(student: Experiment) -> None:
    other = replace(student.configuration, front_end=FrontEnd(features=("mfcc",)))
    with pytest.raises(ConfigurationError, match="student: teacher: tiny_cnn1d has another front_end"):
        replace(student, configuration=other).teacher("fold-2")


def test_network_of_another_backend_is_exported_when_it_is_run_again_with_tensorflow(
    network: Experiment, network_result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(network, results=tmp_path)
    monkeypatch.setattr(keras.Model, "fit", None)  # it is trained already
    with monkeypatch.context() as patched:
        patched.setattr(keras.backend, "backend", lambda: "torch")
        with pytest.raises(NotExportedError, match="trained by torch; run this again with TensorFlow"):
            run(here, "fold-2")
    assert here.result("fold-2") is None
    again = run(here, "fold-2")
    assert again["bands"] == network_result["bands"]
    assert again["history"] == network_result["history"]


def test_broken_corpus_names_its_files(network: Experiment, tmp_path: Path) -> None:
    broken = shutil.copytree(network.data, tmp_path / "broken")
    cut = broken / "000004-11-2.wav"
    cut.write_bytes(cut.read_bytes()[:-4000])
    (broken / "000007-20-1.wav").write_bytes(b"")
    chosen = {"000004-11-1", "000004-11-2", "000007-20-1"}
    few = replace(
        network,
        data=broken,
        runs=tmp_path / "runs",
        clips=lambda clips: tuple(clip for clip in clips if clip.key in chosen),
    )
    with pytest.raises(CorpusError) as caught:
        few.load()
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        str(cut),
        str(broken / "000007-20-1.wav"),
    ]
    cut.unlink()
    with pytest.raises(CorpusError, match="000004-11-2: missing"):
        replace(few, data=shutil.copytree(broken, tmp_path / "missing")).load()


def made_up(split: str, wrong: int) -> Result:
    """A result with two speakers, of whom one is wrong ``wrong`` times in ten."""
    right = {"ann": [[10, 0], [0, 10]], f"bob of {split}": [[10 - wrong, wrong], [0, 10]]}
    band = {"confusion": right, "reliability": [[0, 0, 0]] * 14 + [[40, 40 - wrong, 38.0]]}
    return {
        "split": split,
        "configuration": {"seed": 0},
        "labels": ["calm", "angry"],
        "bands": {"wideband": band, "telephone": band},
    }


def test_report_pools_the_test_parts_of_each_protocol() -> None:
    reports = protocol_reports([made_up("fold-1", 2), made_up("fold-4", 4), made_up("random-2", 8)])
    assert list(reports) == ["speaker-independent", "paper"]
    folds = reports["speaker-independent"]["telephone"]
    assert (folds["folds"], folds["clips"], folds["speakers"]) == (2, 80, 3)
    assert folds["confusion"] == [[34, 6], [0, 40]]
    assert folds["accuracy"] == 0.925
    assert folds["calibration_error"] == pytest.approx(abs(74 - 76) / 80)
    assert reports["paper"]["wideband"]["folds"] == 1
    assert list(protocol_reports([made_up("fold-1", 2)])) == ["speaker-independent"]


def test_what_a_run_does_without_is_no_part_of_its_identity() -> None:
    plain = replace(NETWORK, augmentation=PLAIN)
    assert not {"start", "warmup", "selection"} & set(settings(plain))
    assert settings(replace(plain, start="whisper-tiny.en"))["start"] == "whisper-tiny.en"
    assert "lead" not in settings(plain)["augmentation"]
    early = replace(plain, augmentation=replace(PLAIN, lead=0.0))
    assert settings(early)["augmentation"]["lead"] == 0
