"""Imports without what libraries import in case somebody uses it together with them."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType

_NOT_SERVED = ("sklearn", "pandas")


@contextmanager
def imports() -> Iterator[None]:
    """Import in this block as if scikit-learn and pandas were not installed.

    LightGBM and Arrow look for them, which takes longer than all else a worker imports; without
    them they take no data frames, and there are none here. What is imported already stays.
    Nothing becomes garbage meanwhile, so that none is looked for.
    """
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
        sys.meta_path.remove(hidden)


class _Hidden(MetaPathFinder):
    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> None:
        if name in _NOT_SERVED:
            raise ModuleNotFoundError(f"{name} is not imported here", name=name)
