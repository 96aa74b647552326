"""A small shop drawn from a known process: enough to train on, in a second."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retain.calendar import CalendarDay
from retain.event import EVENT_SCHEMA
from retain.features.engine import FeatureEngine
from retain.features.outcomes import Outcomes

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 420
END = START + timedelta(days=DAYS)
DAY = 86_400_000_000


def shop(customers: int = 500, days: int = DAYS, seed: int = 5, campaigns: bool = True) -> pa.Table:
    """Events of customers with their own rate, spend and lifetime (Schmittlein et al. 1987).

    Every 30 days half of the live customers are in a campaign; a treated one of even rank
    orders within two weeks half the time on top of its own rhythm, others do not care.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, float, dict]] = []
    for number in range(customers):
        name = f"c{number:04d}"
        joined, gap = rng.uniform(0, days * 0.8), rng.gamma(2.0, 14.0) + 3.0
        leaves, spend = joined + rng.exponential(260.0), rng.lognormal(3.5, 0.8)
        at = joined
        while at < min(leaves, days):
            rows.append((name, "order_completed", at, _order(rng, spend)))
            if rng.random() < 0.05:
                rows.append((name, "order_refunded", at + 2.0, {"total": spend / 2}))
            at += rng.exponential(gap)
        for number_of_campaign in range(2, days // 30):
            sent = 30.0 * number_of_campaign + rng.random() / 10
            if not campaigns or not joined < sent < leaves or rng.random() < 0.5:
                continue
            treated = bool(rng.random() < 0.7)
            rows.append((name, "experiment_viewed", sent, _assignment(number_of_campaign, treated)))
            if treated and number % 2 == 0 and rng.random() < 0.5:
                rows.append(
                    (name, "order_completed", sent + rng.uniform(1, 13), _order(rng, spend))
                )
    return _table([row for row in rows if row[2] < days])


def beside(customers: int = 500, days: int = DAYS, seed: int = 6) -> pa.Table:
    """Visits of the customers of :func:`shop`, and monthly subscriptions of every second one.

    Who subscribed long ago is likelier to renew; one in three who leave says so.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, float, dict]] = []
    for number in range(customers):
        name, begins = f"c{number:04d}", rng.uniform(0, days * 0.7)
        ends = min(begins + rng.exponential(200.0), days)
        visits = rng.uniform(begins, ends, rng.poisson((ends - begins) / 20))
        rows += [(name, "page_viewed", float(at), {"page": "home"}) for at in visits]
        at, kind = begins, "subscription_started"
        while number % 2 == 0 and at < days:
            term_end = (START + timedelta(days=at + 30)).isoformat()
            rows.append((name, kind, at, {"plan": "monthly", "term_end": term_end}))
            at, kind = at + 30.0, "subscription_renewed"
            if rng.random() < 0.3 * np.exp(-(at - begins) / 120):
                if rng.random() < 1 / 3:
                    rows.append((name, "subscription_cancelled", at - 5.0, {"plan": "monthly"}))
                break
    return _table([row for row in rows if row[2] < days], "beside")


def _order(rng: np.random.Generator, spend: float) -> dict:
    total = round(float(spend * rng.lognormal(0, 0.3)), 2)
    line = {"product_id": f"p{rng.integers(20)}", "category": f"k{rng.integers(4)}"}
    return {"total": total, "currency": "GBP", "lines": [line | {"quantity": 1, "price": total}]}


def _assignment(campaign: int, treated: bool) -> dict:
    return {
        "experiment_id": f"e{campaign}",
        "campaign_id": f"e{campaign}",
        "variant": "treatment" if treated else "control",
        "action_id": "win_back_email" if campaign % 2 else "welcome_push",
    }


def _table(rows: list[tuple[str, str, float, dict]], named: str = "t") -> pa.Table:
    rows.sort(key=lambda row: (row[2], row[0], row[1]))
    base = int(START.timestamp()) * 1_000_000
    ts = pa.array([base + int(at * DAY) for _, _, at, _ in rows], pa.int64())
    ts = ts.cast(pa.timestamp("us", "UTC"))
    known = {
        "event_id": [f"{named}-{at}" for at in range(len(rows))],
        "type": [kind for _, kind, _, _ in rows],
        "customer_id": [customer for customer, _, _, _ in rows],
        "properties": [json.dumps(properties) for *_, properties in rows],
        "ts": ts,
        "received_at": ts,
    }
    columns = [known.get(name, [None] * len(rows)) for name in EVENT_SCHEMA.names]
    return pa.table(
        [
            pa.array(c, f.type) if isinstance(c, list) else c
            for c, f in zip(columns, EVENT_SCHEMA, strict=True)
        ],
        schema=EVENT_SCHEMA,
    )


class EngineSource:
    """Features and facts straight from the engine: what training reads, without Feast."""

    def __init__(self, events: pa.Table, as_of: datetime) -> None:
        moment = pa.scalar(as_of, pa.timestamp("us", "UTC"))
        self._events = events.filter(pc.less_equal(events.column("ts"), moment))
        self._as_of = as_of
        self._engine = FeatureEngine(self._events)
        self._outcomes = Outcomes(self._events, as_of)

    def prepare(self, cutoffs: Sequence[datetime]) -> None:
        """Nothing is kept between two questions."""

    def training_table(
        self, cutoffs: Sequence[datetime], customers: pa.Array | None = None
    ) -> pa.Table:
        keys = pa.concat_tables([self._engine.customers(at) for at in cutoffs])
        if customers is not None:
            keys = keys.filter(pc.is_in(keys.column("customer_id"), value_set=customers))
        return self._engine.table(keys)

    def features_at(self, keys: pa.Table) -> pa.Table:
        return self._engine.table(keys)

    def orders(self) -> pa.Table:
        return self._outcomes.orders()

    def activity(self, moments: Sequence[datetime], days: int) -> pa.Table:
        return self._outcomes.activity(moments, days)

    def subscriptions(self) -> pa.Table:
        return self._outcomes.subscriptions()

    def interactions(self) -> pa.Table:
        return self._outcomes.interactions()

    def assignments(self) -> pa.Table:
        return self._engine.sql(
            "SELECT customer_id, ts AS as_of, properties->>'action_id' AS action_id, "
            "properties->>'variant' = 'treatment' AS treated, "
            "properties->>'campaign_id' AS campaign_id "
            "FROM events WHERE type = 'experiment_viewed'"
        )

    def span(self) -> tuple[datetime, datetime]:
        row = self._engine.sql("SELECT min(ts) AS a, max(ts) AS b FROM events").to_pylist()[0]
        return row["a"], row["b"]

    def calendar(self, first: date, last: date, known_at: datetime) -> Sequence[CalendarDay]:
        return ()

    def events(self) -> pa.Table:
        return self._events
