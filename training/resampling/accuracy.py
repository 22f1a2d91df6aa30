"""How right a model is that hears a corpus through each resampler."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats
from training import demonstration
from training.configuration import shipped
from training.datasets import Corpus, CorpusError
from training.demonstration import trained
from training.features import active_span, same_recordings
from training.metrics import Tally
from training.resampling.resamplers import BEST, RESAMPLERS
from training.splits import Indices, Split, random_folds, speaker_independent

_SEED: Final = 0
_RESAMPLES: Final = 2000


@dataclass(frozen=True)
class _Heard:
    """Each clip through each resampler, as statistics of MFCC (clips, values); the rates of the files; and for each
    clip the first that is the same recording."""

    inputs: Mapping[str, Floats]
    rates: tuple[int, ...]
    recordings: tuple[str, ...]


def accuracies(corpus: Corpus) -> dict[str, Any]:
    """The figures of models that were trained and are tested through one resampler, and of the model that was trained
    through the best and is tested through the others. Five folds of speakers, the same for all.

    Raises:
        CorpusError: a file is not audio, or is not above 16 kHz.
    """
    heard = _hear(corpus)
    truth = np.array([corpus.labels.index(clip.label) for clip in corpus.clips])
    speakers = [clip.speaker for clip in corpus.clips]
    own = {name: np.full(len(truth), -1) for name in RESAMPLERS}
    mixed = {name: np.full(len(truth), -1) for name in RESAMPLERS}
    folds = random_folds(speakers, 5, seed=_SEED)
    for split in tqdm(speaker_independent(speakers, heard.recordings, folds, seed=_SEED), desc="folds", unit="fold"):
        models = {name: _model(inputs, truth, split) for name, inputs in heard.inputs.items()}
        for name, inputs in heard.inputs.items():
            own[name][split.test] = models[name](inputs[split.test])
            mixed[name][split.test] = models[BEST](inputs[split.test])
    return {
        "rates": {str(rate): heard.rates.count(rate) for rate in sorted(set(heard.rates))},
        "trained_through_the_same": _figures(own, truth, speakers, corpus.labels),
        "trained_through_the_best": _figures(mixed, truth, speakers, corpus.labels),
    }


def _hear(corpus: Corpus) -> _Heard:
    front_end = shipped("emogator_rf_mfcc").front_end
    inputs: dict[str, list[Floats]] = {name: [] for name in RESAMPLERS}
    spectra: list[NDArray[np.float16]] = []
    rates: list[int] = []
    problems: list[str] = []
    for clip in tqdm(corpus.clips, desc=corpus.name, unit="clip"):
        try:
            samples, rate = read_at_own_rate(clip.path)
        except (av.FFmpegError, OSError, ValueError) as error:
            problems.append(f"{clip.path}: {error}")
            continue
        rates.append(rate)
        for name, resample in RESAMPLERS.items():
            resampled = resample(samples, rate)
            measured = front_end.measure(resampled[active_span(resampled)])
            inputs[name].append(front_end.compose({"mel": measured["mel"][None]})[0])
            if name == BEST:
                spectra.append(measured["mel"].astype(np.float16))
    if problems:
        raise CorpusError(corpus.name, problems)
    recordings = (corpus.clips[first].key for first in same_recordings(spectra))
    return _Heard({name: np.stack(values) for name, values in inputs.items()}, tuple(rates), tuple(recordings))


def read_at_own_rate(path: Path) -> tuple[Floats, int]:
    """The sound of a file, its channels averaged, and its sample rate.

    Raises:
        av.FFmpegError: it is not audio.
        ValueError: it holds no sound, or its rate leaves nothing to resample.
    """
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError("no sound")
        stream = container.streams.audio[0]
        if stream.rate <= SAMPLE_RATE:
            raise ValueError(f"{stream.rate} Hz; only files above {SAMPLE_RATE} Hz leave something to measure")
        floats = av.AudioResampler("flt")
        blocks = [block for frame in container.decode(stream) for block in floats.resample(frame)]
        if not blocks:
            raise ValueError("no sound")
        channels = [block.to_ndarray().reshape(-1, block.layout.nb_channels) for block in blocks]
        return np.concatenate(channels).mean(axis=1), stream.rate


def _model(inputs: Floats, truth: Indices, split: Split) -> Callable[[Floats], Indices]:
    """Nothing is chosen on the way, so the validation part is trained on too."""
    clips = np.concatenate([split.train, split.validation])
    return trained(inputs[clips], truth[clips])


def _figures(
    predicted: Mapping[str, Indices], truth: Indices, speakers: list[str], labels: tuple[str, ...]
) -> dict[str, Any]:
    answers = {
        name: demonstration.tally(classes, truth, np.asarray(speakers), len(labels))
        for name, classes in predicted.items()
    }
    return {
        name: {**demonstration.figures(own, labels, seed=_SEED), "gain": gain(own, answers[BEST])}
        for name, own in answers.items()
    }


def gain(answers: Tally, others: Tally) -> list[float]:
    """How much more often ``answers`` are right on the same clips, and its 95 % interval, drawing whole speakers.

    Most of what makes two figures uncertain they have in common, so that this says more than their own intervals.
    """
    speakers = sorted(answers.confusion)
    more = np.array([np.trace(answers.confusion[name]) - np.trace(others.confusion[name]) for name in speakers])
    clips = np.array([answers.confusion[name].sum() for name in speakers])
    even = np.full(len(speakers), 1 / len(speakers))
    drawn = np.random.default_rng(_SEED).multinomial(len(speakers), even, size=_RESAMPLES)
    low, high = np.percentile((drawn @ more) / (drawn @ clips), (2.5, 97.5))
    return [round(float(value), 4) for value in (more.sum() / clips.sum(), low, high)]
