"""What training reads: point-in-time features through Feast, and the facts labels are made of."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from feature_repo import offline
from feature_repo.offline import Progress
from retain import history
from retain.clock import to_micros
from retain.features.engine import in_batches, keys_of
from retain.settings import Settings

_BATCH = 50_000


class OfflineSource:
    """The history up to ``as_of``; nothing after it is ever returned."""

    def __init__(
        self, settings: Settings, as_of: datetime, progress: Progress | None = None
    ) -> None:
        self._settings = settings
        self._as_of = as_of
        self._until = f"ts <= make_timestamptz({to_micros(as_of)})"
        self._progress = progress
        offline.export_history(settings, progress)
        self._engine = offline.engine(settings)

    def training_table(self, cutoffs: Sequence[datetime]) -> pa.Table:
        """Features of every customer with an event up to a cutoff, at each of ``cutoffs``."""
        offline.build(self._settings, cutoffs, self._progress)
        keys = [keys_of(offline.customers_at(self._settings, at), at) for at in cutoffs]
        return offline.retrieve(self._settings, pa.concat_tables(keys))

    def features_at(self, keys: pa.Table) -> pa.Table:
        """Features at moments of their own (customer_id, as_of), such as a campaign's."""
        batches = [self._engine.table(batch) for batch in in_batches(keys, _BATCH)]
        return pa.concat_tables(batches)

    def orders(self) -> pa.Table:
        """``customer_id, ts, is_order, value``: orders, and returns as negative values.

        Of a merged customer under each of its ids, by the links known at ``as_of``: labels look
        forward, and who was merged away later did buy under the other id.
        """
        return self._engine.orders(self._as_of)

    def assignments(self) -> pa.Table:
        """``customer_id, as_of, action_id, treated, campaign_id``: who was in which campaign."""
        return self._engine.sql(
            "SELECT customer_id, ts AS as_of, properties->>'action_id' AS action_id, "
            "lower(properties->>'variant') <> 'control' AS treated, "
            "coalesce(properties->>'campaign_id', properties->>'experiment_id') AS campaign_id "
            "FROM events WHERE type = 'experiment_viewed' AND customer_id IS NOT NULL "
            f"AND (properties->>'action_id') IS NOT NULL AND {self._until} ORDER BY ts, customer_id"
        )

    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of any event up to ``as_of``."""
        row = self._engine.sql(
            f"SELECT min(ts) AS first, max(ts) AS last FROM events WHERE {self._until}"
        ).to_pylist()[0]
        return row["first"], row["last"]

    def events(self) -> str:
        """The Parquet glob of the history; whoever reads it keeps to ``as_of`` himself."""
        return history.glob(self._settings.history)
