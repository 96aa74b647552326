"""A folder of one process, which the next one removes if its owner died without doing so."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path


def claim(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder in ``parent``, and the open descriptor that shows it is used.

    The lock on the folder lasts as long as the descriptor is open in any process. Folders of
    this prefix whose owners ended are removed. Process ids would not do to tell them: in
    containers every server has the same.
    """
    parent.mkdir(parents=True, exist_ok=True)
    gate = os.open(parent, os.O_RDONLY)
    try:
        # one at a time: a folder just made and not yet locked looks like one of the dead
        fcntl.flock(gate, fcntl.LOCK_EX)
        for folder in parent.glob(f"{prefix}*"):
            _remove_if_abandoned(folder)
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        held = os.open(made, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    finally:
        os.close(gate)
    return made, held


def _remove_if_abandoned(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)
