"""A folder for what does not fit into memory, that does not outlive its process for long."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from retain import claimed_folder


class Spill:
    """A folder of one's own in ``parent``.

    It is removed by :meth:`remove`, which leaving the context calls. What a killed process left
    behind is removed by the next one that spills there.
    """

    def __init__(self, parent: Path) -> None:
        self.path, self._held = claimed_folder.claim(parent, "spill-")

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
        os.close(self._held)
