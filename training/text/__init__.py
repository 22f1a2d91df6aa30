"""Makes and evaluates the models that read texts: ``python -m training text``."""

import argparse

from training.text import adopt, evaluate, fine_tune


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, about, module in (
        ("fine-tune", "Train an encoder to tell sentiment and emotion, and export it. Resumes.", fine_tune),
        ("adopt", "Make published classifiers artefacts of the service, without training them.", adopt),
        ("evaluate", "Evaluate an artefact on the test parts, as the service runs it, and write its card.", evaluate),
    ):
        subparser = commands.add_parser(name, help=about, description=about)
        module.add_arguments(subparser)
        subparser.set_defaults(command=module.run)


def run(args: argparse.Namespace) -> None:
    args.command(args)
