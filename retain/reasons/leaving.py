"""Recorded reasons for leaving: what cancellations, returns and complaints name, and who left.

Counts only. A value is told where enough customers have it, so that a free text, a name or an
address that stands in a property is told of nobody; the rest is counted together.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from retain.clock import MICROSECONDS_PER_DAY, to_micros
from retain.identity_links import CUSTOMER
from retain.people import People
from retain.quality.event_source import Events, Source, opened, rows
from retain.reasons.recorded import LEAST_CUSTOMERS, Leaving, Recorded

WhoIs = Callable[[Sequence[str]], People]

MOST_PER_KIND = 10
ACTIVE_DAYS = 365
OTHER = "(rarer ones)"
_LONGEST = 60

_BESIDE = ("plan", "channel", "sentiment")

_MENTIONS = """
    CREATE TEMP TABLE mentions AS
    WITH told AS (
        SELECT customer_id, ts, type, lower(channel) AS channel, properties->>'plan' AS plan,
            properties->>'sentiment_label' AS sentiment, properties->>'reason' AS reason,
            properties->>'competitor' AS competitor, properties->>'product_id' AS product_id,
            list_append(coalesce(from_json(properties->'topics', '["VARCHAR"]'), []),
                properties->>'topic') AS topics
        FROM events
        WHERE customer_id IS NOT NULL AND age < $window AND type IN ('subscription_cancelled',
            'order_cancelled', 'order_refunded', 'ticket_opened', 'call_logged', 'chat_ended')
    )
    SELECT customer_id, ts, kind, lower(trim(value)) AS value, plan, channel, sentiment FROM (
        SELECT *, CASE type WHEN 'subscription_cancelled' THEN 'cancellation'
            WHEN 'order_cancelled' THEN 'order_cancellation' ELSE 'return' END AS kind,
            reason AS value
        FROM told WHERE type NOT IN ('ticket_opened', 'call_logged', 'chat_ended')
        UNION ALL
        SELECT *, 'complaint', unnest(list_distinct(topics)) FROM told
        WHERE type IN ('ticket_opened', 'call_logged', 'chat_ended')
        UNION ALL SELECT *, 'product', product_id FROM told WHERE type = 'ticket_opened'
        UNION ALL SELECT *, 'competitor', competitor FROM told
    ) WHERE trim(value) <> ''
"""
_ORDERED = """
    CREATE TEMP TABLE ordered AS
    SELECT coalesce(became, customer_id) AS customer_id, ts
    FROM events LEFT JOIN merged ON was = customer_id
    WHERE type = 'order_completed'
        AND coalesce(became, customer_id) IN (SELECT customer_id FROM mentions)
"""
_COMMON = f"""
    CREATE TEMP TABLE told AS
    SELECT * REPLACE (CASE WHEN length(value) <= {_LONGEST} AND common THEN value END AS value)
    FROM (
        SELECT *, customers >= {LEAST_CUSTOMERS} AND dense_rank() OVER (
            PARTITION BY kind ORDER BY customers DESC, value) <= {MOST_PER_KIND} AS common
        FROM mentions JOIN (
            SELECT kind, value, count(DISTINCT customer_id) AS customers FROM mentions GROUP BY ALL
        ) USING (kind, value)
    )
"""
_COUNTS = f"""
    WITH asked AS (
        SELECT kind, value, customer_id, max(ts) AS ts FROM told
        WHERE epoch_us(ts) <= $judged_until GROUP BY ALL
    ),
    judged AS (
        SELECT kind, value, count(*) AS judged, count(*) FILTER (WHERE NOT back) AS gone FROM (
            SELECT a.kind, a.value, coalesce(bool_or(o.ts > a.ts
                AND epoch_us(o.ts) <= epoch_us(a.ts) + $horizon), false) AS back
            FROM asked AS a JOIN ordered AS o USING (customer_id)
            GROUP BY a.kind, a.value, a.customer_id, a.ts
            HAVING bool_or(o.ts <= a.ts AND epoch_us(o.ts) > epoch_us(a.ts) - $active)
        ) GROUP BY ALL
    ),
    counted AS (
        SELECT kind, value, count(*) AS mentions, count(DISTINCT customer_id) AS customers
        FROM told GROUP BY ALL
    )
    SELECT c.kind, coalesce(c.value, '{OTHER}'), c.mentions, c.customers,
        coalesce(j.judged, 0), coalesce(j.gone, 0)
    FROM counted AS c LEFT JOIN judged AS j
        ON j.kind = c.kind AND j.value IS NOT DISTINCT FROM c.value
    ORDER BY c.kind, c.value IS NULL, c.customers DESC, c.value
"""


def find(
    source: Source,
    since: datetime,
    as_of: datetime,
    horizon_days: int,
    *,
    usual_share_left: float | None = None,
    without: Collection[str] = (),
    people: WhoIs | None = None,
) -> Leaving:
    """What was recorded in ``(since, as_of]``, and whether those customers left afterwards.

    Args:
        source: the events.
        since: where the window begins.
        as_of: where it ends; nothing after it is looked at.
        horizon_days: who places no order for so long after naming a reason has left.
        usual_share_left: the same share of all customers, to compare with.
        without: customers who are not counted: bots, and who withdrew profiling.
        people: says which ids had become another customer's by ``as_of``.
    """
    window = as_of - since
    days = window / timedelta(days=1) + ACTIVE_DAYS
    with opened(source, as_of, days=days) as events:
        window_us = int(window / timedelta(microseconds=1))
        events.execute(_MENTIONS, {"window": window_us})
        _leave_out(events, without)
        _join(events, people, as_of)
        events.execute(_ORDERED)
        events.execute(_COMMON)
        counts = events.execute(
            _COUNTS,
            {
                "judged_until": to_micros(as_of) - horizon_days * MICROSECONDS_PER_DAY,
                "horizon": horizon_days * MICROSECONDS_PER_DAY,
                "active": ACTIVE_DAYS * MICROSECONDS_PER_DAY,
            },
        ).fetchall()
        beside = _beside(events)
    recorded = tuple(
        Recorded(kind, value, mentions, customers, judged, left, beside.get((kind, value), {}))
        for kind, value, mentions, customers, judged, left in counts
    )
    return Leaving(since, as_of, horizon_days, usual_share_left, recorded)


def _leave_out(events: Events, without: Collection[str]) -> None:
    if without:
        events.register("left_out", pa.table({"customer_id": pa.array(sorted(without))}))
        events.execute("DELETE FROM mentions WHERE customer_id IN (SELECT * FROM left_out)")


def _join(events: Events, people: WhoIs | None, as_of: datetime) -> None:
    """Put merged customers under the one they became; ``merged`` says who became whom."""
    at, became = to_micros(as_of), dict[str, str]()
    ids = [one for (one,) in rows(events, "SELECT DISTINCT customer_id FROM mentions ORDER BY 1")]
    if people and ids:
        known = people(ids)
        for survivor in {known.customer(one, at) for one in ids}:
            members = known.members(survivor, at)
            became |= {one.id: survivor for one in members if one.kind == CUSTOMER}
    columns = {"was": list(became), "became": list(became.values())}
    events.register("merged", pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}))
    events.execute("UPDATE mentions SET customer_id = became FROM merged WHERE customer_id = was")


def _beside(events: Events) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in _BESIDE:
        query = f"""
            SELECT kind, value, {name}, share FROM (
                SELECT *, mentions / sum(mentions) OVER (PARTITION BY kind, value) AS share
                FROM (
                    SELECT kind, value, {name}, count(DISTINCT customer_id) AS customers,
                        count(*) AS mentions
                    FROM told WHERE {name} IS NOT NULL GROUP BY ALL
                )
            ) WHERE customers >= {LEAST_CUSTOMERS}
            QUALIFY row_number() OVER (PARTITION BY kind, value ORDER BY share DESC, {name}) = 1
        """
        for kind, value, most, share in rows(events, query):
            found.setdefault((kind, value or OTHER), {})[name] = f"{most} ({share:.0%})"
    return found
