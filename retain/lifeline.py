"""Whether a process runs; and a child that ends with its parent, also where that is killed."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(signum: int = signal.SIGTERM) -> None:
    """Have this process sent ``signum`` when the thread that started it ends, however it ends.

    It holds across ``exec``. Elsewhere than on Linux nothing happens: see ``PR_SET_PDEATHSIG``
    in https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)


def is_running(process: int) -> bool:
    """Whether there is a process of this id, whoever's it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
