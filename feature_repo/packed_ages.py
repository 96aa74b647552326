"""How old what was read is, and which of it is too old to be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_layout import Layout
from feature_repo.packed_rows import Flags, PackedRows, mismatch
from feature_repo.packed_view import PackedView
from retain.clock import to_micros


@dataclass(frozen=True, slots=True)
class Ages:
    """How old what was read is, by customer (n rows) and view (v columns).

    Attributes:
        views: names of the v views.
        event_us: (n, v) event times in epoch microseconds; ``NO_TIME`` without a row.
        present: (n, v) whether there is a row.
        stale: (n, v) whether the row is older than the view's time to live.
    """

    views: tuple[str, ...]
    event_us: NDArray[np.int64]
    present: Flags
    stale: Flags

    def stale_views(self, row: int) -> list[str]:
        """The views whose values were too old for the customer in ``row``."""
        return [self.views[view] for view in np.flatnonzero(self.stale[row])]


def ages_of(views: Sequence[PackedView], asked: Layout, rows: PackedRows, at: datetime) -> Ages:
    """The ages at ``at`` of rows that were read for the layout ``asked`` of ``views``.

    Raises:
        FingerprintMismatch: a row was written for another schema than the one asked for.
    """
    if rows.layout is asked:
        event_us, present = rows.event_us, rows.present
    else:
        every_us, event_us = rows.event_us, np.full((len(rows), len(views)), NO_TIME)
        present = np.zeros((len(rows), len(views)), dtype=bool)
        for position, place in enumerate(rows.layout.places_of(asked)):
            if place is None:
                continue
            event_us[:, position] = every_us[:, place]
            present[:, position] = rows.present[:, place]
            own, other = asked.views[position], rows.layout.views[place]
            if own is not other and own != other and present[:, position].any():
                raise mismatch(asked.names[position])
    moment = to_micros(at)
    oldest = [NO_TIME if view.ttl_us is None else moment - view.ttl_us for view in views]
    stale = present & (event_us < np.array(oldest, dtype=np.int64))
    return Ages(asked.names, event_us, present, stale)
