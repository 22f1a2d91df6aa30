"""Many runs side by side, a core each: what is done is not done again, and how long it will take is told."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.audio.features import FrontEnd
from training.configuration import Configuration, ConfigurationError
from training.datasets import Corpus
from training.experiment import Experiment, NotExportedError, Result, run
from training.features import prepare
from training.metrics import Tally, accuracy, unweighted_average_recall
from training.models import check_options

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@dataclass(frozen=True)
class Job:
    """One run that is to be done."""

    experiment: Experiment
    split: str

    @property
    def name(self) -> str:
        return f"{self.experiment.configuration.name} {self.split}"


def run_all(jobs: Sequence[Job], *, workers: int) -> None:
    """Do those of ``jobs`` that have no result yet, in their order, ``workers`` at a time; first what they learn from.

    Raises:
        ConfigurationError: a model has not the options that it is to be built with.
    """
    left = [job for job in jobs if job.experiment.result(job.split) is None]
    _check([job.experiment.configuration for job in left])
    if len(jobs) > len(left):
        print(f"{len(jobs) - len(left)} of {len(jobs)} runs are done already")
    make_models([Job(teaching, job.split) for job in left if (teaching := job.experiment.teaching)], workers=workers)
    _run(left, workers)


def make_models(jobs: Iterable[Job], *, workers: int) -> None:
    """Do those of ``jobs`` whose models are not there, whatever results there are."""
    _run([job for job in jobs if not job.experiment.onnx(job.split).exists()], workers)


def _run(left: Sequence[Job], workers: int) -> None:
    _prepare([job.experiment for job in left], workers)
    progress = _Progress(left, workers)
    # A thread each, set before the libraries start: runs go side by side, and one thread makes a run repeatable.
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    # Spawned, since TensorFlow does not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures: dict[Future[Result | None], Job] = {pool.submit(_attempt, job): job for job in left}
        try:
            for future in as_completed(futures):
                if error := future.exception():
                    print(f"{futures[future].name} failed: {error}; what has begun is finished first", flush=True)
                progress.tell(futures[future], future.result())
        finally:
            # Where one fails, or the user has had enough, what has begun is finished and nothing else begun.
            pool.shutdown(cancel_futures=True)


def _check(configurations: Iterable[Configuration]) -> None:
    """Now rather than after the features, which take long."""
    for configuration in configurations:
        try:
            check_options(configuration.model, configuration.network)
        except ValueError as error:
            raise ConfigurationError(f"{configuration.name}: {error}") from error


def _prepare(experiments: Iterable[Experiment], workers: int) -> None:
    """The features of each corpus for all that will be made of it, in one go."""
    together: dict[tuple[Corpus, Path, int], list[FrontEnd]] = {}
    for experiment in experiments:
        for corpus in experiment.corpora:
            key = (corpus, experiment.cache, experiment.configuration.seed)
            together.setdefault(key, []).append(experiment.configuration.front_end)
    for (corpus, cache, seed), front_ends in together.items():
        prepare(corpus, front_ends, cache, workers=workers, seed=seed)


def _attempt(job: Job) -> Result | None:
    started = time.monotonic()
    try:
        result = run(job.experiment, job.split)
    except NotExportedError as error:
        print(f"{job.name}: {error}", flush=True)
        return None
    return {**result, "seconds": time.monotonic() - started}


class _Progress:
    """What each run came to and how long the others may take, from those that are most like them."""

    def __init__(self, jobs: Sequence[Job], workers: int) -> None:
        self._left = list(jobs)
        self._workers = workers
        self._total = len(jobs)
        self._seconds: dict[tuple[str, ...], list[float]] = {}

    def tell(self, job: Job, result: Result | None) -> None:
        self._left.remove(job)
        if result is None:
            return
        for key in _kin(job):
            self._seconds.setdefault(key, []).append(result["seconds"])
        totals = [Tally.from_json(band).total for band in result["bands"].values()]
        wide, telephone = (f"{100 * accuracy(total):.1f} %" for total in totals)
        uar = 100 * float(np.mean([unweighted_average_recall(total) for total in totals]))
        print(
            f"[{self._total - len(self._left)}/{self._total}] {job.name}: accuracy {wide}, telephone {telephone}, "
            f"UAR {uar:.1f} %, {result['seconds']:.0f} s; about {_duration(self._expected())} left",
            flush=True,
        )

    def _expected(self) -> float:
        seconds = 0.0
        for job in self._left:
            known = next(self._seconds[key] for key in _kin(job) if key in self._seconds)
            seconds += statistics.mean(known)
        return seconds / self._workers


def _kin(job: Job) -> list[tuple[str, ...]]:
    """What a job's duration may be told from, the best first."""
    configuration = job.experiment.configuration
    return [(configuration.name,), (configuration.corpus, configuration.model), (configuration.model,), ()]


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
