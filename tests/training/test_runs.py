"""Runs go side by side in processes of their own; what is done is not done again, and how long it takes is told."""

import os
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.audio.features import FrontEnd
from tests.training.made_up import PLAIN
from training import experiment as experiments
from training import runs
from training.configuration import Configuration, ConfigurationError
from training.datasets import CorpusError
from training.experiment import Experiment, NotExportedError, Result, run
from training.export import ExportError
from training.features import Features
from training.models import FOREST
from training.runs import Job, run_all

TREES = Configuration(
    "tiny_rf",
    "EmoGator",
    FOREST,
    front_end=FrontEnd(features=("mfcc",), statistics=True),
    network={"trees": 4, "leaves": 20},
    augmentation=PLAIN,
)


@pytest.fixture(scope="module")
def experiment(
    tiny_emogator: Path, tiny_runs: Path, tiny_features: Features, tmp_path_factory: pytest.TempPathFactory
) -> Experiment:
    return Experiment(TREES, tiny_emogator, tiny_runs, tmp_path_factory.mktemp("results"))


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs set variables for the processes that they start, which no other test should see."""
    for name in runs._THREADS:
        monkeypatch.setenv(name, "2")


class Threads(ThreadPoolExecutor):
    """Stands in for a pool of processes."""

    closing = threading.Event()

    def __init__(self, workers: int, **_: Any) -> None:
        super().__init__(workers)
        self.closing.clear()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        self.closing.set()
        super().shutdown(wait=wait)


@pytest.fixture
def done_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], Result]], list[str]]:
    """Has runs done by a function of the split, in a thread of this process; tells which were begun."""

    def replaced(work: Callable[[str], Result]) -> list[str]:
        begun = []

        def run_one(experiment: Experiment, split: str) -> Result:
            begun.append(split)
            return work(split)

        monkeypatch.setattr(runs, "ProcessPoolExecutor", Threads)
        monkeypatch.setattr(runs, "run", run_one)
        return begun

    return replaced


def written(experiment: Experiment) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in experiment.results.rglob("*.json")}


def test_what_is_missing_or_stale_is_done_and_what_is_done_is_not(
    experiment: Experiment, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of three runs one is done, one was done with another setting, and one was never begun."""
    run(experiment, "fold-1")
    run(replace(experiment, configuration=replace(TREES, seed=9)), "fold-2")
    before = written(experiment)
    jobs = [Job(experiment, split) for split in ("fold-1", "fold-2", "random-1")]
    capfd.readouterr()
    run_all(jobs, workers=1)
    told = capfd.readouterr().out.splitlines()
    assert set(written(experiment)) == {"fold-1", "fold-2", "random-1"}
    assert written(experiment)["fold-1"] == before["fold-1"]
    assert all(job.experiment.result(job.split) is not None for job in jobs)
    assert told[0] == "1 of 3 runs are done already"
    figures = r"accuracy \d+\.\d %, telephone \d+\.\d %, UAR \d+\.\d %, \d+ s; about \d+ min left"
    for number, (line, split) in enumerate(zip(told[1:], ("fold-2", "random-1"), strict=True), start=1):
        assert re.fullmatch(rf"\[{number}/2\] tiny_rf {split}: {figures}", line)

    after = written(experiment)
    run_all(jobs, workers=1)
    assert written(experiment) == after
    assert capfd.readouterr().out == "3 of 3 runs are done already\n"


def test_features_of_all_that_is_left_are_computed_once(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done_by: Any
) -> None:
    """The sound of a corpus is decoded once for all front ends, and not at all for what is done."""
    prepared: list[tuple[set[FrontEnd], Path, int]] = []

    def prepare(corpus: object, front_ends: Sequence[FrontEnd], cache: Path, *, workers: int, seed: int) -> None:
        prepared.append((set(front_ends), cache, workers))

    monkeypatch.setattr(runs, "prepare", prepare)
    done_by(lambda _: result(1))
    here = replace(experiment, results=tmp_path)
    coarse, fine = (replace(TREES.front_end, hop_length=hop) for hop in (512, 256))
    first, second = (replace(here, configuration=replace(TREES, front_end=each)) for each in (coarse, fine))
    run_all([Job(first, "fold-1"), Job(second, "fold-1"), Job(first, "fold-2")], workers=3)
    assert prepared == [({coarse, fine}, here.cache, 3)]
    first.write("fold-1", {"identity": first.identity})
    prepared.clear()
    run_all([Job(first, "fold-1")], workers=3)
    assert prepared == []


def test_runs_share_no_core(experiment: Experiment, tmp_path: Path, done_by: Any) -> None:
    """One thread each, which also makes a run repeatable."""
    seen: list[dict[str, str]] = []
    done_by(lambda _: seen.append(dict(os.environ)) or result(1))
    run_all([Job(replace(experiment, results=tmp_path), "fold-1")], workers=1)
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        assert seen[0][variable] == "1"


def test_runs_begin_in_their_order(experiment: Experiment, tmp_path: Path, done_by: Any) -> None:
    begun = done_by(lambda _: result(1))
    splits = ["fold-1", "random-1", "fold-2", "random-2"]
    run_all([Job(replace(experiment, results=tmp_path), split) for split in splits], workers=1)
    assert begun == splits


def test_what_a_run_learns_from_is_made_first(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the teacher's result is published already and its model is not there."""
    begun = []

    def run_one(each: Experiment, split: str) -> Result:
        begun.append((each.configuration.name, split))
        each.onnx(split).parent.mkdir(parents=True)
        each.onnx(split).touch()
        return result(1)

    monkeypatch.setattr(experiments, "shipped", lambda name: replace(TREES, name=name))
    monkeypatch.setattr(runs, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(runs, "ProcessPoolExecutor", Threads)
    monkeypatch.setattr(runs, "run", run_one)
    teacher = replace(experiment, runs=tmp_path / "runs", results=tmp_path / "results")
    for split in ("fold-1", "fold-2"):
        teacher.write(split, {"identity": teacher.identity})
    teacher.onnx("fold-2").parent.mkdir(parents=True)
    teacher.onnx("fold-2").touch()
    student = replace(teacher, configuration=replace(TREES, name="student", teacher="tiny_rf"))
    run_all([Job(student, split) for split in ("fold-1", "fold-2")], workers=1)
    assert begun == [("tiny_rf", "fold-1"), ("student", "fold-1"), ("student", "fold-2")]


def test_failure_is_told_and_nothing_else_begun(experiment: Experiment, tmp_path: Path, done_by: Any) -> None:
    def work(split: str) -> Result:
        if split == "fold-2":
            raise ExportError("it differs")
        if split == "fold-3":
            Threads.closing.wait()
        return result(1)

    begun = done_by(work)
    jobs = [Job(replace(experiment, results=tmp_path), f"fold-{number}") for number in range(1, 6)]
    with pytest.raises(ExportError, match="it differs"):
        run_all(jobs, workers=1)
    assert set(begun) <= {"fold-1", "fold-2", "fold-3"}


def test_network_that_cannot_be_exported_here_stops_no_other(
    experiment: Experiment, tmp_path: Path, done_by: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(split: str) -> Result:
        if split == "fold-1":
            raise NotExportedError("trained by torch")
        return result(1)

    begun = done_by(work)
    run_all([Job(replace(experiment, results=tmp_path), split) for split in ("fold-1", "fold-2")], workers=1)
    assert begun == ["fold-1", "fold-2"]
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "tiny_rf fold-1: trained by torch"
    assert told[1].startswith("[2/2] tiny_rf fold-2: accuracy 100.0 %")


@pytest.mark.parametrize(
    ("model", "options", "known"),
    [(FOREST, {"tree": 3}, "trees, leaves"), ("cnn1d", {"leaves": 3}, "channels, kernel, dense, dropout")],
)
def test_option_that_a_model_has_not_is_told_before_features_are_computed(
    experiment: Experiment, tmp_path: Path, model: Any, options: dict[str, int], known: str
) -> None:
    wrong = Configuration(
        "own", "EmoGator", model, front_end=FrontEnd(statistics=model == FOREST), network=options, augmentation=PLAIN
    )
    (name,) = options
    with pytest.raises(ConfigurationError, match=f"own: network.{name}: a {model} has no such option; it has {known}"):
        run_all([Job(Experiment(wrong, experiment.data, tmp_path, tmp_path), "fold-1")], workers=1)
    assert not list(tmp_path.iterdir())


def test_broken_corpus_is_told_before_anything_is_trained(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(CorpusError, match="holds no clip"):
        run_all([Job(replace(experiment, data=tmp_path / "data"), "fold-1")], workers=1)


def result(seconds: float) -> Result:
    """Of two speakers: all right in the one band, half in the other."""
    right, half = [[2, 0], [0, 2]], [[2, 0], [2, 0]]
    return {
        "seconds": seconds,
        "bands": {
            "wideband": {"confusion": {"ann": right, "bob": right}, "reliability": [[0, 0, 0]] * 15},
            "telephone": {"confusion": {"ann": half, "bob": half}, "reliability": [[0, 0, 0]] * 15},
        },
    }


def jobs_of(experiment: Experiment, *names: str) -> list[Job]:
    """Of configurations named ``corpus model number``."""
    made = []
    for name in names:
        corpus, model, number = name.split()
        changed = Configuration(
            name, corpus, model, front_end=FrontEnd(features=("mfcc",), statistics=model == FOREST), seed=int(number)
        )
        made.append(Job(replace(experiment, configuration=changed), "fold-1"))
    return made


def test_progress_says_what_came_out_and_how_long_the_rest_may_take(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run takes as long as those most like it: of the configuration, else of the corpus and model, else any."""
    jobs = jobs_of(
        experiment,
        *("RAVDESS cnn1d 1", "RAVDESS cnn2d 1", "RAVDESS cnn2d 2", "EmoGator cnn2d 1", "EmoGator random_forest 1"),
    )
    jobs.append(replace(jobs[0], split="fold-2"))
    progress = runs._Progress(jobs, workers=2)
    told = "accuracy 100.0 %, telephone 50.0 %, UAR 75.0 %"
    left = ["25 min", "2 h 12 min", "57 min", "21 min", "5 min", "0 min"]
    for number, (job, seconds) in enumerate(zip(jobs, (600, 6000, 1200, 60, 0, 0), strict=True)):
        progress.tell(job, result(seconds))
        line = f"[{number + 1}/6] {job.name}: {told}, {seconds} s; about {left[number]} left\n"
        assert capsys.readouterr().out == line


def test_run_that_could_not_be_exported_is_left_out_of_the_times(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = jobs_of(experiment, "RAVDESS cnn1d 1", "RAVDESS cnn1d 2", "RAVDESS cnn1d 3")
    progress = runs._Progress([first, second, third], workers=1)
    progress.tell(first, None)
    assert capsys.readouterr().out == ""
    progress.tell(second, result(120))
    assert capsys.readouterr().out.startswith("[2/3] RAVDESS cnn1d 2 fold-1: ")
