"""``python -m training``: one command for each thing that the service is shipped with."""

import argparse
import os
import sys
from pathlib import Path

from training import ARTEFACTS, sample_call, text, voice_activity
from training.datasets.clips import CorpusError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=about, description=about)

    _acoustic(command("speech-emotion", "Train, evaluate and export eight emotions of speech. Resumes."), "RAVDESS")
    _acoustic(command("vocal-burst", "Train, evaluate and export five emotions of vocal bursts. Resumes."), "EmoGator")
    for name, about, module in (
        ("text", "Make and evaluate the models that read texts.", text),
        ("voice-activity", "Take Silero's voice activity detector out of its package.", voice_activity),
        ("sample-call", "Synthesise the sample call that the README posts.", sample_call),
    ):
        subparser = command(name, about)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)

    options = parser.parse_args(arguments)
    # A library's notices of its own are not progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _acoustic(parser: argparse.ArgumentParser, corpus: str) -> None:
    parser.add_argument("--data", type=Path, required=True, help=f"the folder of {corpus} in its official layout")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where features and runs are kept (%(default)s)"
    )
    parser.add_argument("--out", type=Path, default=ARTEFACTS, help="where the artefact goes (onnx_models)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs side by side (%(default)s)")
    parser.set_defaults(run=_train, corpus=corpus)


def _train(options: argparse.Namespace) -> None:
    from training.configuration import SPEECH_EMOTION, VOCAL_BURST
    from training.experiment import Experiment, run_all

    configuration = SPEECH_EMOTION if options.corpus == "RAVDESS" else VOCAL_BURST
    loaded, runs = run_all(Experiment(configuration, options.corpus, options.data, options.runs, options.workers))
    # Imported late: TensorFlow takes seconds, and the runs have it in their own processes.
    from training.ship import ship

    card = ship(loaded, runs, options.out / configuration.name)
    for protocol, bands in card["protocols"].items():
        for band, figures in bands.items():
            print(f"{protocol}, {band}: accuracy {figures['accuracy']:.3f}, UAR {figures['uar']:.3f}")


if __name__ == "__main__":
    sys.exit(main())
