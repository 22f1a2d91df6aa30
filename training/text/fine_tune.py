"""``training text fine-tune``: train an encoder to tell sentiment and emotion. Resumes."""

import argparse
from pathlib import Path

from training import ARTEFACTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="the folder with sst5/, meld/ and goemotions/")
    parser.add_argument(
        "--encoder", default="distilroberta-base", help="a Hugging Face name, or a folder in its format (%(default)s)"
    )
    parser.add_argument("--name", default="text_distilroberta", help="what the artefact is called (%(default)s)")
    parser.add_argument("--head", choices=("sentiment", "emotion"), help="train this one only; without it, both")
    parser.add_argument(
        "--epochs", type=int, help="how often every text is trained on; without it, as the settings say"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints are kept (%(default)s)")
    parser.add_argument("--out", type=Path, default=ARTEFACTS, help="where the artefact goes (onnx_models)")


def run(args: argparse.Namespace) -> None:
    # Imported late: PyTorch takes seconds, and other commands do not need it.
    from training.text.fine_tuning import make
    from training.text.settings import Settings

    asked = {"heads": (args.head,) if args.head else None, "epochs": args.epochs}
    settings = Settings(**{name: value for name, value in asked.items() if value is not None})
    make(args.data, args.encoder, args.runs, args.out / args.name, settings)
    print(f"Now evaluate it: python -m training text evaluate {args.out / args.name} --data {args.data}")
