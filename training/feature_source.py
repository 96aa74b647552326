"""Where training reads from: features at moments, and the facts labels are made of."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

import pyarrow as pa

from retain.calendar import CalendarDay
from retain.quality.event_source import Source


class FeatureSource(Protocol):
    """Where training gets features and facts from; nothing after ``as_of`` is ever returned."""

    def prepare(self, cutoffs: Sequence[datetime]) -> None:
        """Make ready to be asked for these cutoffs, in one pass over the log."""
        ...

    def training_table(
        self, cutoffs: Sequence[datetime], customers: pa.Array | None = None
    ) -> pa.Table:
        """The feature table of every known customer at each cutoff, or of some."""
        ...

    def features_at(self, keys: pa.Table) -> pa.Table:
        """The feature table of (customer_id, as_of) keys, in their order."""
        ...

    def orders(self) -> pa.Table:
        """``customer_id, ts, is_order, value``; refunds are negative."""
        ...

    def activity(self, moments: Sequence[datetime], days: int) -> pa.Table:
        """``customer_id, ts``: the first activity within ``days`` after each moment."""
        ...

    def subscriptions(self) -> pa.Table:
        """``customer_id, ts, event_id, is_active, term_end`` of every subscription event."""
        ...

    def interactions(self) -> pa.Table:
        """``customer_id, ts, kind, event_id, product_id, category, price``: of products."""
        ...

    def assignments(self) -> pa.Table:
        """``customer_id, as_of, action_id, treated, campaign_id``."""
        ...

    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of any event."""
        ...

    def calendar(self, first: date, last: date, known_at: datetime) -> Sequence[CalendarDay]:
        """What was known at ``known_at`` of these days, where it holds everywhere."""
        ...

    def events(self) -> Source:
        """The events themselves, for the rules that find who is no customer."""
        ...
