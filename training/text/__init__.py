"""Fine-tunes a Hugging Face encoder for sentiment and exports it: ``python -m training text-sentiment``."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="the folder with sst5/, meld/ and goemotions/")
    parser.add_argument("--encoder", type=Path, required=True, help="the folder of an encoder in Hugging Face format")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints are kept (%(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parents[2] / "onnx_models",
        help="where the artefact goes (onnx_models)",
    )


def run(args: argparse.Namespace) -> None:
    # Imported late: PyTorch takes seconds, and other commands do not need it.
    from training.text.command import make
    from training.text.settings import Settings

    make(args.data, args.encoder, args.runs, args.out / "text_sentiment", Settings())
