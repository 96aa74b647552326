"""What training reads: point-in-time features through Feast, and the facts labels are made of."""

from collections.abc import Sequence
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from feature_repo import offline
from feature_repo.offline import Progress
from retain import history
from retain.calendar import Calendar, CalendarDay
from retain.database import connect
from retain.features.engine import keys_of
from retain.settings import Settings


class OfflineSource:
    """The history up to ``as_of``; nothing after it is ever returned."""

    def __init__(
        self, settings: Settings, as_of: datetime, progress: Progress | None = None
    ) -> None:
        self._settings = settings
        self._as_of = as_of
        self._progress = progress
        self._prepared: set[datetime] = set()
        offline.export_history(settings, progress)
        self._outcomes = offline.outcomes(settings, as_of)

    def prepare(self, cutoffs: Sequence[datetime]) -> None:
        """Compute the features of everybody at all ``cutoffs`` in one pass over the log."""
        if missing := set(cutoffs) - self._prepared:
            offline.build(self._settings, missing, self._progress)
            self._prepared |= missing

    def training_table(
        self, cutoffs: Sequence[datetime], customers: pa.Array | None = None
    ) -> pa.Table:
        """Features of every customer with an event up to a cutoff, at each of ``cutoffs``.

        Only of ``customers``, where they are given.
        """
        self.prepare(cutoffs)
        keys = [keys_of(offline.customers_at(self._settings, at), at) for at in cutoffs]
        asked = pa.concat_tables(keys)
        if customers is not None:
            asked = asked.filter(pc.is_in(asked.column("customer_id"), value_set=customers))
        return offline.retrieve(self._settings, asked)

    def features_at(self, keys: pa.Table) -> pa.Table:
        """Features at moments of their own (customer_id, as_of), such as a campaign's."""
        return offline.features_at(self._settings, keys)

    def orders(self) -> pa.Table:
        """``customer_id, ts, is_order, value``: orders, and returns as negative values.

        Of a merged customer under each of its ids, by the links known at ``as_of``: labels look
        forward, and who was merged away later did buy under the other id.
        """
        return self._outcomes.orders()

    def activity(self, moments: Sequence[datetime], days: int) -> pa.Table:
        """``customer_id, ts``: the first activity within ``days`` after each of ``moments``."""
        return self._outcomes.activity(moments, days)

    def subscriptions(self) -> pa.Table:
        """``customer_id, ts, event_id, is_active, term_end``: what was told of subscriptions."""
        return self._outcomes.subscriptions()

    def interactions(self) -> pa.Table:
        """``customer_id, ts, kind, event_id, product_id, category, price``: of products.

        See :meth:`retain.features.outcomes.Outcomes.interactions`.
        """
        return self._outcomes.interactions()

    def assignments(self) -> pa.Table:
        """``customer_id, as_of, action_id, treated, campaign_id, decision_id``: of campaigns."""
        return self._outcomes.sql(
            "SELECT customer_id, ts AS as_of, properties->>'action_id' AS action_id, "
            "lower(properties->>'variant') <> 'control' AS treated, "
            "coalesce(properties->>'campaign_id', properties->>'experiment_id') AS campaign_id, "
            "properties->>'decision_id' AS decision_id "
            "FROM log WHERE type = 'experiment_viewed' AND customer_id IS NOT NULL "
            "AND (properties->>'action_id') IS NOT NULL ORDER BY ts, customer_id"
        )

    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of any event up to ``as_of``."""
        [row] = self._outcomes.sql("SELECT min(ts) AS a, max(ts) AS b FROM log").to_pylist()
        return row["a"], row["b"]

    def calendar(self, first: date, last: date, known_at: datetime) -> list[CalendarDay]:
        """What was known at ``known_at``, never after ``as_of``, and holds in every region."""
        entries = Calendar(connect(self._settings.database_url))
        return entries.days(None, first, last, min(known_at, self._as_of))

    def events(self) -> str:
        """The Parquet glob of the history; whoever reads it keeps to ``as_of`` himself."""
        return history.glob(self._settings.history)
