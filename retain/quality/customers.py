"""Abnormal customers: bots, bulk buyers, tests, each with its reason and numbers.

Thresholds are multiples of the 99th percentile of the shop itself, so that a wholesaler's
customers are judged by wholesale. The percentile leaves one customer in a hundred above it:
more bulk buyers than that are the shop's ordinary customers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from retain.quality import customer_queries as queries
from retain.quality.event_source import Events, Source, opened, rows
from retain.quality.findings import Finding, Findings, Sample, findings_of, graded
from retain.quality.thresholds import CustomerLimits, Reason


@dataclass(frozen=True, slots=True)
class Flag:
    """One customer or anonymous visitor that does not behave like one.

    Attributes:
        known: whether ``customer_id`` is a customer's; else it is an anonymous id.
        value: what was measured.
        threshold: above which it is abnormal here.
    """

    customer_id: str
    known: bool
    reason: Reason
    value: float
    threshold: float
    sentence: str


def flags(events: Events, limits: CustomerLimits) -> list[Flag]:
    """One flag for each customer and reason, by its weightiest measure."""
    queries.prepare(events, limits)
    found: dict[tuple[str, Reason], Flag] = {}
    for reason, wording, query in queries.checks(limits):
        for who, known, value, threshold in rows(events, query):
            sentence = wording.format(value, threshold)
            flag = Flag(who, known, reason, float(value), float(threshold), sentence)
            found.setdefault((who, reason), flag)
    return list(found.values())


def abnormal_customers(source: Source, as_of: datetime, limits: CustomerLimits) -> list[Flag]:
    """The flags of everybody with a customer id, by events up to ``as_of`` alone.

    What came later flags nobody, so that a training as of then stays honest.
    """
    with opened(source, as_of, days=limits.days) as events:
        return [flag for flag in flags(events, limits) if flag.known]


def findings(events: Events, limits: CustomerLimits, excluded: Collection[Reason] = ()) -> Findings:
    """A finding for each flagged customer up to ``limits.named``, and one for each reason.

    ``excluded`` are the reasons that training leaves customers out for.
    """
    found = flags(events, limits)
    everybody = rows(events, "SELECT count(DISTINCT who) FROM customer_days")[0][0]
    by_reason: dict[Reason, list[Flag]] = defaultdict(list)
    for flag in found:
        by_reason[flag.reason].append(flag)
    samples = [
        Sample("retain_flagged_customers", {"reason": reason}, float(len(by_reason[reason])))
        for reason in dict.fromkeys(reason for reason, _, _ in queries.checks(limits))
    ]
    return findings_of(_findings(by_reason.items(), everybody, limits, excluded), samples)


def _findings(
    by_reason: Iterable[tuple[Reason, list[Flag]]],
    everybody: int,
    limits: CustomerLimits,
    excluded: Collection[Reason],
) -> list[Finding]:
    found = []
    for reason, same in by_reason:
        training = "left out of training" if reason in excluded else "kept in training"
        found += [
            Finding(
                "warn",
                reason,
                f.customer_id,
                f.value,
                f.threshold,
                f"{_who(f)} {f.sentence}; {training}",
            )
            for f in same[: limits.named]
        ]
        share = len({flag.customer_id for flag in same}) / max(everybody, 1)
        severity = graded(share, warn=limits.share.warn, fail=limits.share.fail)
        if len(same) > limits.named or (severity != "ok" and everybody >= limits.least_buyers):
            sentence = (
                f"{len(same):,} customers and visitors ({share:.1%}) are flagged as {reason}: "
                "where that is how your customers are, raise the threshold in quality.yaml"
            )
            found.append(
                Finding(
                    severity if everybody >= limits.least_buyers else "warn",
                    reason,
                    "all customers",
                    share,
                    limits.share.fail if severity == "fail" else limits.share.warn,
                    sentence,
                )
            )
    return found


def _who(flag: Flag) -> str:
    return f"customer {flag.customer_id}" if flag.known else f"visitor {flag.customer_id}"
