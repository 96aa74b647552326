"""How much of the processor a process asks for."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress

_LOWEST = 19


def lowest() -> None:
    """Have from now on what processor nobody else wants; for good, and for what is started later.

    ``SCHED_IDLE`` where the system has it and lets: a core that does nothing else counts as free
    for whoever wakes up (sched(7)), which it does not at the lowest niceness alone.
    """
    os.nice(_LOWEST)
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def nicely(command: Sequence[str]) -> list[str]:
    """``command``, at the highest niceness from its first instruction on, where there is nice(1).

    Python's own start takes 30 ms of a core before it can call :func:`lowest`.
    """
    nice = shutil.which("nice")
    return [nice, "-n", str(_LOWEST), *command] if nice else [*command]
