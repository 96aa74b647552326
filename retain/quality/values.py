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
    rates = _rates(events)
    found += [finding for rate in rates if (finding := _graded(rate, limits))]
    found += _extremes(events, limits)
    samples += [
        Sample(
            "retain_event_fault_rate", {"fault": rate.fault, "subject": rate.subject}, rate.share
        )
        for rate in rates
        if rate.of
    ]
    return findings_of(found, samples)


def prepare(events: Events, limits: ValueLimits) -> None:
    """The relations ``lately`` (events) and ``order_lines`` that these checks read."""
    recent = limits.recent_days * MICROSECONDS_PER_DAY
    events.execute(
        f"CREATE OR REPLACE TEMP TABLE lately AS SELECT type, ts, received_at, customer_id, "
        f"properties, age < {recent} AS recent FROM events"
    )
    events.execute(_LINES)


@dataclass(frozen=True, slots=True)
class _Rate:
    fault: str
    subject: str
    meaning: str
    hits: int
    of: int
    past_hits: int
    past_of: int

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 0.0

    @property
    def past_share(self) -> float:
        return self.past_hits / self.past_of if self.past_of else 0.0


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


def _rates(events: Events) -> list[_Rate]:
    return [
        _Rate(fault, subject, meaning, *rows(events, query.format(hit=hit))[0])
        for fault, subject, meaning, query, hit in _FAULTS
    ]


def _graded(rate: _Rate, limits: ValueLimits) -> Finding | None:
    grades: Grades = getattr(limits, f"{rate.fault}_share")
    severity = graded(rate.share, warn=grades.warn, fail=grades.fail)
    if severity == "ok" or not rate.hits:
        return None
    always = rate.past_share >= grades.fail
    if rate.of < limits.least_events or always:
        severity = "warn"
    advice = (
        "as before: what is computed from it says nothing here"
        if always
        else "correct them at the sender and send them again"
    )
    sentence = (
        f"{rate.subject}: {rate.hits:,} of {rate.of:,} ({rate.share:.1%}) {rate.meaning}; {advice}"
    )
    threshold = getattr(grades, severity)
    return Finding(severity, rate.fault, rate.subject, rate.share, threshold, sentence)


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

_SHARES = """
    SELECT count(*) FILTER (WHERE recent AND ({hit})), count(*) FILTER (WHERE recent),
        count(*) FILTER (WHERE NOT recent AND ({hit})), count(*) FILTER (WHERE NOT recent)
"""
_OF_ORDERS = (
    _SHARES
    + """ FROM (
        SELECT recent, (properties->>'total')::DOUBLE AS total,
            (properties->>'order_id') IS NOT NULL AND row_number() OVER (
                PARTITION BY customer_id, properties->>'order_id' ORDER BY ts) > 1 AS is_repeated
        FROM lately WHERE type = 'order_completed'
    )"""
)
_OF_LINES = f"{_SHARES} FROM order_lines"
_OF_EVENTS = f"{_SHARES} FROM lately"
_ORDER, _LINE = "order_completed", "order_completed.lines"

# fault, subject, what it means, where to count, and what counts
_FAULTS = (
    ("zero_total", f"{_ORDER}.total", "orders are worth nothing", _OF_ORDERS, "total = 0"),
    ("negative", f"{_ORDER}.total", "orders have a negative total", _OF_ORDERS, "total < 0"),
    (
        "repeated_order",
        f"{_ORDER}.order_id",
        "orders came before, under another event id",
        _OF_ORDERS,
        "is_repeated",
    ),
    (
        "zero_price",
        f"{_LINE}.price",
        "order lines have no price",
        _OF_LINES,
        "coalesce(price, 0) = 0",
    ),
    (
        "negative",
        _LINE,
        "order lines have a negative price or quantity",
        _OF_LINES,
        "price < 0 OR quantity < 0",
    ),
    (
        "future",
        "ts",
        "events happened after they were received: a clock is wrong",
        _OF_EVENTS,
        f"ts > received_at + INTERVAL {_CLOCK_TOLERANCE_SECONDS} SECOND",
    ),
)

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
