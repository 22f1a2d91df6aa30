"""``make bench``: how fast the acoustic path is, against real time and against the straightforward way.

All sides run in this process, one after the other, on one core, with the same windows; the ratios are what counts. The
straightforward way is what a notebook does: librosa's features and ``keras.predict``, window by window. The figures of
docs/operations.md are written from the file that this writes.
"""

import argparse
import json
import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, whatever a library thinks it may use
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import librosa
import numpy as np

from service.analyses.acoustic import analyze
from service.audio.decode import Limits, Recording, decode
from service.audio.segments import cut, windows
from service.audio.vad import speech_regions
from service.inference.acoustic import AcousticModels, Task
from service.inference.registry import Registry
from service.settings import Settings
from training.configuration import Configuration, shipped
from training.models import build

ROOT = Path(__file__).resolve().parents[1]
SHARED_CALL = ROOT.parent / "shared/data/calls/auto_repairs_stereo.wav"
SAMPLE_CALL = ROOT / "tests/data/sample_call.wav"
STRAIGHTFORWARD = "speech_emotion"
MEASURED = ROOT / "docs/measured/bench_audio.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = SHARED_CALL if SHARED_CALL.exists() else SAMPLE_CALL
    parser.add_argument("call", nargs="?", type=Path, default=default, help="a recording (%(default)s)")
    call = parser.parse_args().call
    load = round(os.getloadavg()[0], 1)
    settings = Settings()
    registry = Registry.load(settings.models_dir, settings.text_models)

    recording = decoded(call)
    seconds = recording.duration_ms / 1000
    print(f"{call.name}: {seconds:.0f} s, {len(recording.samples)} channels; decode to timeline, on one core")
    times = {}
    for name in [entry.name for entry in registry.entries.values() if entry.task == Task.speech]:
        models = registry.acoustic(name)
        times[name] = best_of(5, lambda models=models: analyze(decoded(call), None, models, agent_emotions=True))
        print(f"{name:30} {times[name]:7.3f} s   {seconds / times[name]:6.0f} times real time")
    found = {
        "processor": processor(),
        "load average before": load,
        "seconds of the call": round(seconds),
        "channels": len(recording.samples),
        "times real time": {name: round(seconds / took) for name, took in times.items()},
    }
    MEASURED.parent.mkdir(exist_ok=True)
    MEASURED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    configuration = shipped(STRAIGHTFORWARD)
    # Not trained: how fast it is does not depend on its weights.
    network = build(configuration.model, configuration.front_end.shape, 8, configuration.network)
    models = registry.acoustic(STRAIGHTFORWARD)
    plain = best_of(2, lambda: straightforward_way(call, models, configuration, network))
    ratio = plain / times[STRAIGHTFORWARD]
    print(
        f"{STRAIGHTFORWARD} with librosa and keras.predict, window by window: {plain:.3f} s, {ratio:.1f} times as long"
    )


def processor() -> str:
    """Its maker's name for it, where the system tells."""
    told = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", told.read_text()) if told.exists() else None
    return named[1] if named else platform.machine()


def decoded(call: Path) -> Recording:
    with call.open("rb") as file:
        return decode(file, Limits(max_seconds=3600, max_channels=2))


def straightforward_way(call: Path, models: AcousticModels, configuration: Configuration, network: keras.Model) -> None:
    """The same decoder and voice activity, but a window at a time."""
    front_end = configuration.front_end
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
            network.predict(mel.T[None], verbose=0)


def best_of(rounds: int, work: Callable[[], object]) -> float:
    """The shortest of ``rounds`` times, after one that does not count."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
