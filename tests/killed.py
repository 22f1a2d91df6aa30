"""``python -m tests.killed POINT before|after NUMBER``: the service, which dies at a point of its work.

A point is a step, or ``callback``: one delivery. It dies before or after it does that for the NUMBERth time; after
means that the world has seen it, and the database has not.
"""

import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from service import __main__
from service.analyses.callbacks import Sender
from service.analyses.states import Step
from service.analyses.steps import Steps

Work = Callable[..., Awaitable[Any]]


def main() -> int:
    point, when, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if point == "callback":
        Sender.send = fatal(Sender.send, when, number)
    else:
        table, step = Steps.table, Step(point)

        def fatal_table(steps: Steps) -> dict[Step, Work]:
            works = table(steps)
            return {**works, step: fatal(works[step], when, number)}

        Steps.table = fatal_table
    return __main__.main([])


def fatal(work: Work, when: str, number: int) -> Work:
    """``work``, but for its end."""
    times = itertools.count(1)

    async def dying(*arguments: Any) -> Any:
        last = next(times) == number
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = await work(*arguments)
        if last and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    return dying


if __name__ == "__main__":
    sys.exit(main())
