"""How old the online rows of some customers are, view by view; imports no Feast."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from feature_repo.packed_home import online_rows
from feature_repo.packed_reader import PackedReader
from feature_repo.packed_view import stored_views
from feature_repo.stored import computed_at_name
from retain.clock import to_micros
from retain.quality.stored_ages import StoredAge
from retain.settings import Settings


def stored_ages(
    settings: Settings, customer_ids: Sequence[str], as_of: datetime
) -> dict[str, StoredAge]:
    """The age at ``as_of`` of the rows of each feature view, over these customers.

    Raises:
        StoreUnavailable: the online store did not answer.
        FingerprintMismatch: a row is of other features than these.
    """
    views = stored_views()
    rows = online_rows(settings)
    for view in views:
        rows.add_view(view)
    table = PackedReader(rows, views).read_table(customer_ids, as_of).table
    found = {}
    for view in views:
        computed = table.column(computed_at_name(view.name)).drop_null()
        seconds = (to_micros(as_of) - computed.to_numpy().astype(np.int64)) / 1e6
        found[view.name] = StoredAge(
            median_seconds=float(np.median(seconds)) if len(seconds) else None,
            missing=1 - len(seconds) / max(table.num_rows, 1),
        )
    return found
