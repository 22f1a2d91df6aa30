"""Makes and evaluates the models that read texts: ``python -m training text``."""

import argparse
from pathlib import Path
from typing import Final

_ARTEFACTS: Final = Path(__file__).parents[2] / "onnx_models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    about = "Fine-tune an encoder for sentiment and emotion, and export it. Resumes."
    fine_tune = commands.add_parser("fine-tune", help=about, description=about)
    fine_tune.add_argument("--data", type=Path, required=True, help="the folder with sst5/, meld/ and goemotions/")
    fine_tune.add_argument(
        "--encoder", default="distilroberta-base", help="a Hugging Face name, or a folder in its format (%(default)s)"
    )
    fine_tune.add_argument("--name", default="text_distilroberta", help="what the artefact is called (%(default)s)")
    fine_tune.add_argument("--head", choices=("sentiment", "emotion"), help="train this one only; without it, both")
    fine_tune.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints are kept (%(default)s)")
    fine_tune.add_argument("--out", type=Path, default=_ARTEFACTS, help="where the artefact goes (onnx_models)")
    fine_tune.set_defaults(command=_fine_tune)


def run(args: argparse.Namespace) -> None:
    args.command(args)


def _fine_tune(args: argparse.Namespace) -> None:
    # Imported late: PyTorch takes seconds, and other commands do not need it.
    from training.text.command import make
    from training.text.settings import Settings

    settings = Settings(heads=(args.head,)) if args.head else Settings()
    make(args.data, args.encoder, args.runs, args.out / args.name, settings)
