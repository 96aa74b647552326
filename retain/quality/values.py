"""Properties of events: those that no longer arrive, and values that cannot be right."""

from dataclasses import dataclass

from retain.clock import MICROSECONDS_PER_DAY
from retain.quality.event_source import Events, rows
from retain.quality.findings import Finding, Findings, Sample, Severity, findings_of, graded
from retain.quality.thresholds import Grades, ValueLimits
from retain.vocabulary import vocabulary

_CLOCK_TOLERANCE_SECONDS = 300


def findings(events: Events, limits: ValueLimits) -> Findings:
    """Null rates against the past, and impossible or extreme values of the recent days."""
    prepare(events, limits)
    found, samples = _null_rates(events, limits)
    rates = _order_rates(events)
    found += [finding for rate in rates if (finding := _graded(rate, limits))]
    found += _extremes(events, limits)
    samples += [
        Sample("retain_event_fault_rate", {"fault": rate.fault}, rate.share)
        for rate in rates
        if rate.of
    ]
    return findings_of(found, samples)


def prepare(events: Events, limits: ValueLimits) -> None:
    """The relations ``lately`` (events) and ``order_lines`` that these checks read."""
    recent = limits.recent_days * MICROSECONDS_PER_DAY
    window = recent + limits.past_days * MICROSECONDS_PER_DAY
    events.execute(
        f"CREATE OR REPLACE TEMP TABLE lately AS SELECT type, ts, received_at, customer_id, "
        f"properties, age < {recent} AS recent FROM events WHERE age < {window}"
    )
    events.execute(_LINES)


@dataclass(frozen=True, slots=True)
class _Rate:
    fault: str
    subject: str
    hits: int
    of: int
    meaning: str

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 0.0


def _null_rates(events: Events, limits: ValueLimits) -> tuple[list[Finding], list[Sample]]:
    totals = {
        event_type: (now, before)
        for event_type, now, before in rows(
            events,
            "SELECT type, count(*) FILTER (WHERE recent), count(*) FILTER (WHERE NOT recent) "
            "FROM lately GROUP BY type ORDER BY type",
        )
    }
    found, samples = [], []
    for event_type, name, with_now, with_before in rows(events, _PRESENT):
        declared = vocabulary().types.get(event_type)
        now, before = totals[event_type]
        if declared is None or name not in declared.properties or not now:
            continue
        labels = {"type": event_type, "property": name}
        samples.append(Sample("retain_property_null_rate", labels, 1 - with_now / now))
        if min(now, before) < limits.least_events:
            continue
        fall = with_before / before - with_now / now
        severity = graded(fall, warn=limits.vanished.warn, fail=limits.vanished.fail)
        if severity != "ok":
            found.append(
                _vanished(severity, f"{event_type}.{name}", 1 - with_now / now, fall, limits)
            )
    return found, samples


def _vanished(
    severity: Severity, subject: str, missing: float, fall: float, limits: ValueLimits
) -> Finding:
    usual = missing - fall
    return Finding(
        severity,
        "property",
        subject,
        missing,
        usual + getattr(limits.vanished, severity),
        f"{subject} is missing in {missing:.0%} of the events of {limits.recent_days} days, in "
        f"{usual:.0%} before: ask the sender what changed; features over it are wrong until then",
    )


def _order_rates(events: Events) -> list[_Rate]:
    orders, zero, negative, repeated, everything, future = rows(events, _FAULTS)[0]
    count, free, below = rows(
        events,
        "SELECT count(*), count(*) FILTER (WHERE coalesce(price, 0) = 0), "
        "count(*) FILTER (WHERE price < 0 OR quantity < 0) FROM order_lines WHERE recent",
    )[0]
    order, line = "order_completed", "order_completed.lines"
    return [
        _Rate("zero_total", f"{order}.total", zero, orders, "orders are worth nothing"),
        _Rate("zero_price", f"{line}.price", free, count, "order lines have no price"),
        _Rate("negative", f"{order}.total", negative, orders, "orders have a negative total"),
        _Rate("negative", line, below, count, "order lines have a negative price or quantity"),
        _Rate(
            "repeated_order",
            f"{order}.order_id",
            repeated,
            orders,
            "orders came before, under another event id",
        ),
        _Rate(
            "future",
            "ts",
            future,
            everything,
            "events happened after they were received: a clock is wrong",
        ),
    ]


def _graded(rate: _Rate, limits: ValueLimits) -> Finding | None:
    grades: Grades = getattr(limits, f"{rate.fault}_share")
    severity = graded(rate.share, warn=grades.warn, fail=grades.fail)
    if severity == "ok" or not rate.hits:
        return None
    if rate.of < limits.least_events:
        severity = "warn"
    sentence = (
        f"{rate.subject}: {rate.hits:,} of {rate.of:,} ({rate.share:.1%}) {rate.meaning}; "
        "correct them at the sender and send them again"
    )
    return Finding(
        severity, rate.fault, rate.subject, rate.share, getattr(grades, severity), sentence
    )


def _extremes(events: Events, limits: ValueLimits) -> list[Finding]:
    found = []
    for subject, query in _AMOUNTS.items():
        past, usual = rows(events, query)[0]
        if usual is None or past < limits.least_events:
            continue
        limit = limits.extreme_factor * usual
        highest, count = rows(
            events, f"SELECT max(amount), count(*) FROM ({_RECENT[subject]}) WHERE amount > {limit}"
        )[0]
        if highest is not None and limit > 0:
            sentence = (
                f"{subject}: {count:,} values above {limit:,.0f} ({limits.extreme_factor:g} times "
                f"the 99.9th percentile before), the highest {highest:,.0f}: "
                "a typing error or a bulk order"
            )
            found.append(Finding("warn", "extreme", subject, float(highest), limit, sentence))
    return found


_LINES = """
    CREATE OR REPLACE TEMP TABLE order_lines AS
    SELECT recent, currency, customer_id, line.product_id AS product_id, line.price AS price,
        coalesce(line.quantity, 1) AS quantity
    FROM (
        SELECT recent, customer_id, upper(properties->>'currency') AS currency,
            unnest(from_json(properties->'lines',
                '[{"product_id": "VARCHAR", "quantity": "DOUBLE", "price": "DOUBLE"}]')) AS line
        FROM lately WHERE type = 'order_completed'
    )
"""

_PRESENT = """
    SELECT type, name, count(*) FILTER (WHERE recent), count(*) FILTER (WHERE NOT recent)
    FROM (SELECT type, recent, unnest(json_keys(properties)) AS name FROM lately)
    GROUP BY type, name ORDER BY type, name
"""

_FAULTS = f"""
    WITH orders AS (
        SELECT recent, (properties->>'total')::DOUBLE AS total,
            row_number() OVER (PARTITION BY customer_id, properties->>'order_id' ORDER BY ts) > 1
                AND (properties->>'order_id') IS NOT NULL AS is_repeated
        FROM lately WHERE type = 'order_completed'
    ), faults AS (
        SELECT count(*) AS orders, count(*) FILTER (WHERE total = 0) AS zero,
            count(*) FILTER (WHERE total < 0) AS negative,
            count(*) FILTER (WHERE is_repeated) AS repeated
        FROM orders WHERE recent
    ), clocks AS (
        SELECT count(*) AS everything, count(*) FILTER (
            WHERE ts > received_at + INTERVAL {_CLOCK_TOLERANCE_SECONDS} SECOND) AS future
        FROM lately WHERE recent
    )
    SELECT * FROM faults, clocks
"""

_SOURCES = {
    "order_completed.lines.quantity": "SELECT recent, quantity AS amount FROM order_lines",
    "order_completed.lines.price": "SELECT recent, price AS amount FROM order_lines",
    "order_completed.total": "SELECT recent, (properties->>'total')::DOUBLE AS amount "
    "FROM lately WHERE type = 'order_completed'",
    "order_refunded.total": "SELECT recent, (properties->>'total')::DOUBLE AS amount "
    "FROM lately WHERE type = 'order_refunded'",
}
_RECENT = {name: f"SELECT amount FROM ({sql}) WHERE recent" for name, sql in _SOURCES.items()}
_AMOUNTS = {
    name: f"SELECT count(*), quantile_cont(amount, 0.999) FROM ({sql}) WHERE NOT recent"
    for name, sql in _SOURCES.items()
}
