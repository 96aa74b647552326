"""Who may be profiled: of the others only what they told about themselves is kept."""

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PROFILING = frozenset({"profiling", "all"})
"""Purposes whose withdrawal ends the computing of features."""

VIEW = "profile"
"""The view that says it, and the only one that is computed nevertheless."""

_PURPOSES = pa.array(sorted(PROFILING))


def withdrawn(profile: pa.Table) -> pa.Array:
    """Places of the rows of a ``profile`` view whose customer may not be profiled, in order."""
    purposes = profile.column("withdrawn_purposes").combine_chunks()
    forbidding = pc.is_in(pc.list_flatten(purposes), value_set=_PURPOSES)
    return pc.unique(pc.list_parent_indices(purposes).filter(forbidding))


def given(withdrawn_purposes: Iterable[Collection[str]]) -> NDArray[np.bool_]:
    """Who may be profiled, (n,), by the purposes each customer's consent was withdrawn for."""
    return np.array([PROFILING.isdisjoint(told) for told in withdrawn_purposes], dtype=bool)
