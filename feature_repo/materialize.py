"""From the offline snapshot at a moment to the online store."""

from datetime import datetime

from feature_repo import offline
from feature_repo.offline import Progress
from feature_repo.packed_home import online_rows
from feature_repo.packed_view import stored_views
from feature_repo.packed_writer import materialize_parquet
from feature_repo.snapshots import snapshot
from retain.settings import Settings


def materialize(settings: Settings, as_of: datetime, progress: Progress | None = None) -> int:
    """Load every customer's features at ``as_of``; returns how many customers there are.

    A customer's views are replaced at once, and only by rows that are not older; a load that
    was stopped goes on where it was.

    Raises:
        NotEnoughData: there are no events at all.
        StoreUnavailable: a store did not answer.
    """
    offline.build(settings, [as_of], progress)
    files = {view: [snapshot(settings, view.name, as_of)] for view in stored_views()}
    return materialize_parquet(online_rows(settings), files, progress)
