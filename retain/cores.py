"""How much of the machine's processors this process may use."""

import os
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def cores(limit: Path = _LIMIT) -> float:
    """Processors that this process may run on, less where a control group allows less.

    See ``cpu.max`` in https://docs.kernel.org/admin-guide/cgroup-v2.html.
    """
    if hasattr(os, "sched_getaffinity"):
        found = float(len(os.sched_getaffinity(0)))
    else:
        found = float(os.cpu_count() or 1)
    try:
        quota, period = limit.read_text().split()
        return min(found, float(quota) / float(period))
    except (OSError, ValueError, ZeroDivisionError):
        # no control group, or one without a limit
        return found
