"""Evaluates a text artefact and writes its card again: ``python -m training text evaluate``."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artefact", type=Path, help="the folder of the artefact, such as onnx_models/text_minilm")
    parser.add_argument("--data", type=Path, required=True, help="the folder with sst5/, meld/ and goemotions/")
    parser.add_argument("--reference", type=Path, help="the folder of the same model in fp32, to compare it with")
    parser.add_argument("--calls", type=Path, help="a folder of WAV files, to see how much of calls is neutral")
    parser.add_argument(
        "--asr", type=Path, help="the folder of the Whisper model, in CTranslate2 form, that hears them"
    )


def run(args: argparse.Namespace) -> None:
    if bool(args.calls) != bool(args.asr):
        raise SystemExit("--calls and --asr go together")
    # Imported late: other commands need none of it.
    from service.inference.artefacts import ArtefactError
    from service.transcription import Refused, Unavailable
    from training.text.evaluation import evaluate

    try:
        evaluate(args.artefact, args.data, args.reference, (args.calls, args.asr) if args.calls else None)
    except (ArtefactError, FileNotFoundError, Refused, Unavailable) as error:
        raise SystemExit(str(error)) from error
