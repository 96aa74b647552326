"""The folder one running server keeps its files in: metrics of its processes, and nothing else."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "server-"


def claim(run: Path) -> tuple[Path, int]:
    """A new folder in ``run`` for this process, and the open descriptor that shows it is used.

    BentoML empties its metrics folder when it starts, which would be that of a neighbour if
    servers of one home shared it. The lock on the folder lasts as long as the descriptor is
    open in any process, through ``exec`` too; folders of servers that ended are removed.
    Process ids would not do: in containers every server has the same.
    """
    run.mkdir(parents=True, exist_ok=True)
    gate = os.open(run, os.O_RDONLY)
    try:
        # one at a time: a folder just made and not yet locked looks like a dead server's
        fcntl.flock(gate, fcntl.LOCK_EX)
        for folder in run.glob(f"{_PREFIX}*"):
            _remove_if_dead(folder)
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=run))
        held = os.open(made, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        os.set_inheritable(held, True)
    finally:
        os.close(gate)
    return made, held


def _remove_if_dead(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)
