"""Customers no model learns from: bots, tests and staff, each with its reason."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from retain.clock import to_micros
from retain.people import People
from retain.quality.customers import Flag, abnormal_customers
from retain.quality.event_source import Source
from retain.quality.thresholds import Thresholds

WhoIs = Callable[[Sequence[str]], People]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who behaves abnormally, and who of them is left out.

    Attributes:
        flags: everybody flagged, also those who stay.
        reasons: those for which a customer is left out.
        named: so many of each reason are named where it is written down.
        merged_into: of those flagged, who was another customer by then, and which.
    """

    flags: tuple[Flag, ...] = ()
    reasons: tuple[str, ...] = ()
    named: int = 0
    merged_into: Mapping[str, str] = field(default_factory=dict)

    @property
    def customers(self) -> frozenset[str]:
        """Who is left out: as they were flagged, and as the customer they became."""
        flagged = {f.customer_id for f in self.flags if f.reason in self.reasons}
        return frozenset(flagged | {self.merged_into.get(one, one) for one in flagged})

    def kept(self, table: pa.Table) -> pa.Table:
        """The rows of ``table`` whose ``customer_id`` is not left out."""
        if not self.customers:
            return table
        left_out = pa.array(sorted(self.customers), pa.string())
        ids = table.column("customer_id").cast(pa.string())
        return table.filter(pc.invert(pc.is_in(ids, value_set=left_out)))

    def as_json(self) -> dict[str, Any]:
        """How many, for which reasons, and the names of some."""
        return {
            "reasons": list(self.reasons),
            "excluded_customers": len(self.customers),
            "excluded": self._described(excluded=True),
            "flagged_but_kept": self._described(excluded=False),
        }

    def notes(self) -> list[str]:
        """The same in sentences, for the written evaluation."""
        if not self.flags:
            return ["No customer behaves abnormally; everybody is in."]
        excluded = self._described(excluded=True)
        left_out = (
            f"Left out of fits and holdout alike, for model and rule: {len(self.customers):,} "
            f"customers ({_counts(excluded)})."
            if excluded
            else "Nobody is left out."
        )
        sentences = [left_out, *(_sentence(one) for one in excluded)]
        if kept := self._described(excluded=False):
            sentences += [f"Flagged, and kept ({_counts(kept)}):", *map(_sentence, kept)]
        return sentences

    def _described(self, *, excluded: bool) -> list[dict[str, Any]]:
        flags = [f for f in self.flags if (f.reason in self.reasons) == excluded]
        count = Counter(f.reason for f in flags)
        return [
            {
                "reason": reason,
                "customers": many,
                "named": [
                    {
                        "customer_id": f.customer_id,
                        "value": f.value,
                        "threshold": f.threshold,
                        "because": f.sentence,
                    }
                    for f in [f for f in flags if f.reason == reason][: self.named]
                ],
            }
            for reason, many in count.items()
        ]


def find(
    source: Source, as_of: datetime, thresholds: Thresholds, people: WhoIs | None = None
) -> Exclusion:
    """Who to leave out of a training as of ``as_of``; nothing later is looked at.

    ``people`` says which of the flagged ids had become another customer's.
    """
    flags = abnormal_customers(source, as_of, thresholds.customers)
    ids = sorted({flag.customer_id for flag in flags})
    return Exclusion(
        flags=tuple(flags),
        reasons=thresholds.training.exclude,
        named=thresholds.customers.named,
        merged_into=people(ids).survivors(ids, to_micros(as_of)) if people and ids else {},
    )


def _counts(described: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{one['reason']} {one['customers']:,}" for one in described)


def _sentence(described: dict[str, Any]) -> str:
    first = described["named"][0]
    return f"{described['reason']}: {first['customer_id']} {first['because']}" + (
        f", and {described['customers'] - 1:,} more." if described["customers"] > 1 else "."
    )
