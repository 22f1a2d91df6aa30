"""``training text adopt``: make published text classifiers artefacts of the service, without training them."""

import argparse
import tempfile
from pathlib import Path

from training import ARTEFACTS
from training.text.published import DEFAULTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for head, name in DEFAULTS.items():
        parser.add_argument(
            f"--{head}", default=name, help=f"a Hugging Face name, or a folder in its format, for {head} (%(default)s)"
        )
    parser.add_argument(
        "--data",
        type=Path,
        help="the folder with sst5/, meld/ and goemotions/, to calibrate and measure with; without it, neither is done",
    )
    parser.add_argument("--out", type=Path, default=ARTEFACTS, help="where the artefacts go (onnx_models)")


def run(args: argparse.Namespace) -> None:
    # Imported late: PyTorch takes seconds, and other commands do not need it.
    from training.text.adoption import adopt
    from training.text.checkpoints import CheckpointError
    from training.text.export import ExportError

    try:
        with tempfile.TemporaryDirectory() as work:
            made = adopt({head: getattr(args, head) for head in DEFAULTS}, args.data, Path(work), args.out)
    except (CheckpointError, ExportError) as error:
        raise SystemExit(str(error)) from error
    print(f"The service reads texts with them where this is set:\nV2V_TEXT_MODELS={','.join(made)}")
