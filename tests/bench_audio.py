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

from service.analyses.acoustic import Source, analyze
from service.audio.decode import Limits, Recording, decode
from service.audio.features import FrontEnd
from service.audio.segments import cut, windows
from service.audio.vad import VoiceActivity, speech_regions
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.artefacts import Artefact

ROOT = Path(__file__).resolve().parents[1]
SHARED_CALL = ROOT.parent / "shared/data/calls/auto_repairs_stereo.wav"
SAMPLE_CALL = ROOT / "tests/data/sample_call.wav"
ARTEFACTS = ROOT / "onnx_models"
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

    recording = decoded(call)
    seconds = recording.duration_ms / 1000
    ours, labels = best_of(5, lambda: our_way(call, models))
    plain, plain_labels = best_of(2, lambda: straightforward_way(call, models, network))

    agree = sum(one == other for one, other in zip(labels, plain_labels, strict=True))
    channels = len(recording.samples)
    print(f"{call.name}: {seconds:.0f} s, {channels} channels, {len(labels)} windows of speech, one core")
    print(f"whole acoustic path, decode to timeline   {ours:7.3f} s   {seconds / ours:6.0f} times real time")
    print(f"librosa and keras.predict by window       {plain:7.3f} s   {plain / ours:6.1f} times as long")
    print(f"same label in {agree} of {len(labels)} windows")


def decoded(call: Path) -> Recording:
    with call.open("rb") as file:
        return decode(file, Limits(max_seconds=3600, max_channels=2))


def our_way(call: Path, models: AcousticModels) -> list[str]:
    """The label of every window of speech, channel by channel."""
    result = analyze(decoded(call), None, models, agent_emotions=True)
    speech = [segment for segment in result.timeline if segment.source is Source.speech]
    return [segment.label for segment in sorted(speech, key=lambda segment: segment.channel)]


def straightforward_way(call: Path, models: AcousticModels, network: keras.Model) -> list[str]:
    """The same with the same decoder and voice activity, but a window at a time."""
    front_end = FrontEnd()
    labels = []
    for channel in decoded(call).samples:
        regions = speech_regions(channel, models.voice_activity.probabilities(channel))
        for window in windows(channel, cut(regions)):
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
