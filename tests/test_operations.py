"""The figures on the operations page are those that were measured."""

from tests.operations import PAGE, filled_in


def test_figures_are_those_that_the_commands_left():
    page = PAGE.read_text(encoding="utf-8")
    assert filled_in(page) == page, "run `python -m tests.operations`"
