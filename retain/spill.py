"""A folder for what does not fit into memory, that does not outlive its process for long."""

import fcntl
import shutil
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

_LOCK = ".lock"


class Spill:
    """A folder of one's own in ``parent``.

    It is removed by :meth:`remove`, which leaving the context calls. What a killed process left
    behind is removed by the next one that spills there.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        # nobody sees a folder that is made but not yet locked
        with (parent / _LOCK).open("w") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            for folder in parent.glob(f"*/{_LOCK}"):
                _remove_abandoned(folder)
            self.path = Path(mkdtemp(dir=parent))
            self._lock = (self.path / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_abandoned(lock: Path) -> None:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError):
        pass
