"""The README says what is so."""

import math
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests import readme

AGAIN = "run `python tests/readme.py`"
OF_THE_MOMENT = {"id", "created_at", "completed_at", "instance"}
TEXT = readme.README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    with readme.server() as address:
        yield address


@pytest.mark.parametrize(("command", "answer"), list(readme.commands(TEXT)))
def test_command_gives_the_answer_that_stands_under_it(url: str, command: str, answer: Any) -> None:
    assert alike(readme.run(command, url), answer), AGAIN


def alike(one: Any, other: Any) -> bool:
    """Equal, but for ids and times, and for what another processor's arithmetic changes in a score or an edge."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=0.01, abs_tol=0.02)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(key in OF_THE_MOMENT or alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def test_figures_are_the_cards() -> None:
    assert readme.with_block(TEXT, "figures", readme.figures()) == TEXT, AGAIN


def test_settings_are_those_that_there_are() -> None:
    assert readme.with_block(TEXT, "settings", readme.settings()) == TEXT, AGAIN


def test_measures_are_those_that_rules_know() -> None:
    assert readme.with_block(TEXT, "measures", readme.measures()) == TEXT, AGAIN
