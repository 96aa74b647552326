"""A child process that ends with its parent, also where that one is killed."""

import ctypes
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
