"""``make bench``: how fast the acoustic path is, against real time and against the straightforward way.

Both sides run in this process, one after the other, on one core, with the same windows; the ratio is what counts. The
straightforward way is what a notebook does: librosa's features and ``keras.predict``, window by window.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, whatever a library thinks it may use
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import librosa
import numpy as np

from service.analyses.acoustic import AcousticResult, Source, analyze
from service.audio.decode import Limits, decode
from service.audio.features import FrontEnd
from service.audio.vad import VoiceActivity
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.artefacts import Artefact

ROOT = Path(__file__).resolve().parents[1]
SHARED_CALL = ROOT.parent / "shared/data/calls/auto_repairs_stereo.wav"
SAMPLE_CALL = ROOT / "tests/data/sample_call.wav"
ARTEFACTS = ROOT / "onnx_models"
ROUNDS = 5

Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = SHARED_CALL if SHARED_CALL.exists() else SAMPLE_CALL
    parser.add_argument("call", nargs="?", type=Path, default=default, help="a recording (%(default)s)")
    call = parser.parse_args().call
    models = AcousticModels(
        VoiceActivity(Artefact.load(ARTEFACTS / "voice_activity")),
        EmotionModel(Artefact.load(ARTEFACTS / "speech_emotion")),
        EmotionModel(Artefact.load(ARTEFACTS / "vocal_burst")),
    )
    network = keras.models.load_model(ARTEFACTS / "speech_emotion/model.keras")

    ours, result = best_of(ROUNDS, lambda: our_way(call, models))
    speech = [segment for segment in result.timeline if segment.source is Source.speech]
    plain, labels = best_of(2, lambda: straightforward_way(call, models, network, result))

    seconds = librosa.get_duration(path=call)
    agree = sum(segment.label == label for segment, label in zip(speech, labels, strict=True))
    print(f"{call.name}: {seconds:.0f} s, {len(result.channels)} channels, {len(speech)} windows of speech, one core")
    print(f"whole acoustic path, decode to timeline   {ours:7.3f} s   {seconds / ours:6.0f} times real time")
    print(f"librosa and keras.predict by window       {plain:7.3f} s   {plain / ours:6.1f} times as long")
    print(f"same label in {agree} of {len(speech)} windows")


def our_way(call: Path, models: AcousticModels) -> AcousticResult:
    with call.open("rb") as file:
        recording = decode(file, Limits(max_seconds=3600, max_channels=2))
    return analyze(recording, None, models, agent_emotions=True)


def straightforward_way(call: Path, models: AcousticModels, network: keras.Model, result: AcousticResult) -> list[str]:
    """The labels of the speech windows of ``result``, whose voice activity is computed here once more as well."""
    front_end = FrontEnd()
    samples, _ = librosa.load(call, sr=front_end.sample_rate, mono=False)
    channels = np.atleast_2d(samples)
    for channel in channels:
        models.voice_activity.probabilities(channel)
    labels = []
    for segment in result.timeline:
        if segment.source is Source.speech:
            start, end = (round(ms * front_end.sample_rate / 1000) for ms in (segment.start_ms, segment.end_ms))
            window = librosa.util.fix_length(channels[segment.channel - 1, start:end], size=front_end.window_samples)
            power = librosa.feature.melspectrogram(
                y=window,
                sr=front_end.sample_rate,
                n_fft=front_end.n_fft,
                hop_length=front_end.hop_length,
                n_mels=front_end.n_mels,
            )
            mel = librosa.power_to_db(power, ref=np.max, top_db=front_end.dynamic_range_db)
            scores = network.predict(mel.T[None], verbose=0)[0]
            labels.append(models.speech_emotion.labels[int(scores.argmax())])
    return labels


def best_of(rounds: int, work: Callable[[], Result]) -> tuple[float, Result]:
    """The shortest of ``rounds`` times, after one that does not count, and the last result."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
    return min(times), result


if __name__ == "__main__":
    main()
