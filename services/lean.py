"""Imports without what libraries import in case somebody uses it together with them."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType

_NOT_SERVED = ("sklearn", "pandas")
_SPARSE = ("csr_matrix", "csc_matrix", "spmatrix")


@contextmanager
def imports() -> Iterator[None]:
    """Import in this block as if scikit-learn and pandas were not installed.

    LightGBM and Arrow look for them, which takes longer than all else a worker imports; without
    them they take no data frames, and there are none here. What is imported already stays.
    LightGBM needs SciPy to tell sparse matrices by their types: it is given types that nothing is
    of. Nothing becomes garbage meanwhile, so that none is looked for.
    """
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    standing_in = {} if "scipy" in sys.modules else _scipy()
    sys.modules.update(standing_in)
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
        sys.meta_path.remove(hidden)
        for name in standing_in:
            del sys.modules[name]


def _scipy() -> dict[str, ModuleType]:
    scipy, sparse = ModuleType("scipy"), ModuleType("scipy.sparse")
    scipy.sparse = sparse  # type: ignore[attr-defined]
    for name in _SPARSE:
        setattr(sparse, name, type(name, (), {}))
    return {scipy.__name__: scipy, sparse.__name__: sparse}


class _Hidden(MetaPathFinder):
    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> None:
        if name in _NOT_SERVED:
            raise ModuleNotFoundError(f"{name} is not imported here", name=name)
