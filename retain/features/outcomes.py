"""What labels are made of: orders, activity and subscriptions of everybody, up to one moment.

The facts are those that features aggregate (:mod:`retain.features.facts`), so that both sides
mean the same by an order. They are computed when they are asked for and not kept: a label needs
few of them, and of a log of ten million events all of them do not fit into memory.

Who was merged has acted under every id: events are first given to whom they belong by the links
known at the moment, and what that customer did is then told under each of its ids. Labels look
forward, and who was merged away later did buy under the other id.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from retain.clock import to_micros
from retain.duck import connected
from retain.features.facts import FACTS
from retain.features.queries import EVENT_COLUMNS
from retain.identity import memberships
from retain.identity_links import LINKS_SCHEMA, LINKS_SQL

_EVENTS = """
    SELECT log.* REPLACE (coalesce(owners.customer_id, log.customer_id) AS customer_id)
    FROM log LEFT JOIN owners ON owners.member_id = coalesce(log.customer_id, log.anonymous_id)
        AND owners.member_kind = CASE WHEN log.customer_id IS NULL THEN 'anonymous'
            ELSE 'customer' END
"""
_OWNERS = """
    SELECT member_kind, member_id, customer_id FROM given
    WHERE from_us <= $until AND $until < until_us AND (member_kind, member_id) <>
        ('customer', customer_id)
"""
_UNDER_EVERY_ID = """
    WITH found AS ({query})
    FROM found UNION ALL BY NAME
    SELECT found.* REPLACE (owners.member_id AS customer_id) FROM found JOIN owners
        ON owners.member_kind = 'customer' AND owners.customer_id = found.customer_id
    ORDER BY ALL
"""

MOST_INTERACTIONS = 3_000_000
_INTERACTIONS = """
    SELECT customer_id, ts, 'order' AS kind, event_id, product_id,
        nullif(category, 'unknown') AS category, (value / nullif(quantity, 0))::DOUBLE AS price
    FROM fact_lines WHERE product_id IS NOT NULL OR category <> 'unknown'
    UNION ALL
    SELECT customer_id, ts, CASE WHEN is_view THEN 'view' ELSE 'cart' END, event_id, product_id,
        NULL, NULL
    FROM fact_cart WHERE type IN ('product_viewed', 'product_added') AND product_id IS NOT NULL
"""


class Outcomes:
    """Facts of every customer in ``events`` up to ``until``.

    Args:
        events: rows of the event log, or a Parquet glob of its history.
        until: nothing later is ever returned.
        spill: folder for what does not fit into ``memory_limit``.

    Close it.
    """

    def __init__(
        self,
        events: pa.Table | str,
        until: datetime,
        *,
        spill: Path | None = None,
        memory_limit: str = "1GB",
    ) -> None:
        spilling = {} if spill is None else {"temp_directory": str(spill)}
        self._connection = connected(memory_limit=memory_limit, **spilling)
        source = "given_events"
        if isinstance(events, str):
            source = f"read_parquet('{events}', hive_partitioning=false)"
        else:
            self._connection.register(source, events)
        self._connection.execute(
            f"CREATE TEMP VIEW log AS SELECT {', '.join(EVENT_COLUMNS.names)} FROM {source} "
            f"WHERE ts <= make_timestamptz({to_micros(until)})"
        )
        self._join(to_micros(until))
        for name, sql in FACTS.items():
            self._connection.execute(f"CREATE TEMP VIEW {name} AS {sql}")

    def close(self) -> None:
        """Let go of the events."""
        self._connection.close()

    def orders(self) -> pa.Table:
        """``customer_id, ts, is_order, value`` of every order and return; returns are negative."""
        return self._of_everybody("SELECT customer_id, ts, is_order, value FROM fact_orders")

    def activity(self, moments: Sequence[datetime], days: int) -> pa.Table:
        """``customer_id, ts``: each customer's first activity within ``days`` after each moment."""
        after = ", ".join(f"({to_micros(moment)})" for moment in sorted(set(moments)))
        return self._of_everybody(
            "SELECT DISTINCT customer_id, first AS ts FROM ("
            "SELECT customer_id, after, min(ts) AS first FROM fact_activity JOIN "
            f"(VALUES {after}) AS moments(after) ON epoch_us(ts) > after "
            f"AND ts <= make_timestamptz(after) + to_days({int(days)}) GROUP BY ALL)"
        )

    def interactions(self) -> pa.Table:
        """``customer_id, ts, kind, event_id, product_id, category, price`` of products.

        ``kind`` is ``order`` (a line of an order, with the price of one piece), ``view`` or
        ``cart``. Where there are more than :data:`MOST_INTERACTIONS`, those of some customers:
        all that these did, and the same ones every time.
        """
        [[count]] = self._connection.sql(f"SELECT count(*) FROM ({_INTERACTIONS})").fetchall()
        share = min(1000, 1000 * MOST_INTERACTIONS // max(count, 1))
        drawn = "" if share == 1000 else f" WHERE hash(customer_id) % 1000 < {share}"
        return self._of_everybody(f"SELECT * FROM ({_INTERACTIONS}){drawn}")

    def subscriptions(self) -> pa.Table:
        """``customer_id, ts, event_id, is_active, term_end``: all that was told of them."""
        return self._of_everybody(
            "SELECT customer_id, ts, event_id, type <> 'subscription_cancelled' AS is_active, "
            "term_end FROM fact_profile WHERE type LIKE 'subscription_%'"
        )

    def sql(self, query: str) -> pa.Table:
        """Rows of a query over ``log``, whose ids are those the events came with, or ``events``.

        The rows of ``events`` are under the ids that their customers have at the end.
        """
        return self._connection.sql(query).to_arrow_table()

    def _join(self, until: int) -> None:
        """The view ``events``: the log's events under the ids their customers have at the end."""
        links = self.sql(LINKS_SQL.format(events="log"))
        self._connection.register("given", memberships(links.cast(LINKS_SCHEMA)))
        self._connection.execute(f"CREATE TEMP TABLE owners AS {_OWNERS}", {"until": until})
        self._connection.unregister("given")
        [(joined,)] = self._connection.sql("SELECT count(*) > 0 FROM owners").fetchall()
        self._connection.execute(f"CREATE TEMP VIEW events AS {_EVENTS if joined else 'FROM log'}")

    def _of_everybody(self, query: str) -> pa.Table:
        return self.sql(_UNDER_EVERY_ID.format(query=query))
