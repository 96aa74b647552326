"""What a feature is: one line of SQL over a customer's events before ``as_of``.

In the SQL, ``@90`` stands for "within the 90 days before ``as_of``": ``(as_of - 90 d, as_of]``.
The windows a feature uses are read from there, so that a stored value knows until when it
holds (see :mod:`retain.features.engine`).
"""

import re
from dataclasses import dataclass
from typing import Literal

Dtype = Literal["number", "text", "texts", "since", "until"]

DAY_US = 86_400_000_000

_WINDOW = re.compile(r"@(\d+)")


def within(days: int) -> str:
    """SQL for "in the ``days`` days before ``as_of``".

    In microseconds: an INTERVAL is counted in a calendar, row by row, which takes longer than
    all the rest of a count, and in UTC every day of it has 24 hours.
    """
    return f"(epoch_us(ts) > epoch_us(as_of) - {days * DAY_US})"


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared feature.

    Attributes:
        name: the read-time name, with its unit (``order_recency_days``).
        relation: the prepared relation it reads (:mod:`retain.features.relations`), which is
            also the Feast feature view it is served from.
        sql: one SQL aggregate over that relation.
        meaning: one sentence for the catalogue.
        unit: days, orders, currency, share, …
        dtype: ``number``, ``text``, ``texts`` (a short list), or a time that is stored as a
            timestamp and aged when read: days ``since`` it or ``until`` it.
        null_default: what a missing value reads as; None keeps it missing.
    """

    name: str
    relation: str
    sql: str
    meaning: str
    unit: str
    dtype: Dtype = "number"
    null_default: float | None = None

    @property
    def aged(self) -> bool:
        """Whether the value grows with time although nothing happens."""
        return self.dtype in {"since", "until"}

    @property
    def stored_name(self) -> str:
        """The column it is stored in: a timestamp for aged features."""
        if not self.aged:
            return self.name
        return self.name.removeprefix("days_to_").removesuffix("_days") + "_at"

    @property
    def windows(self) -> frozenset[int]:
        """Lengths in days of the windows whose edges can change the value."""
        return frozenset(int(days) for days in _WINDOW.findall(self.sql))

    @property
    def stored_sql(self) -> str:
        """The aggregate as DuckDB runs it, cast to its stored type."""
        sql = _WINDOW.sub(lambda found: within(int(found[1])), self.sql)
        if self.aged:
            return f"epoch_us({sql})"
        if self.dtype == "number":
            sql = f"({sql})::DOUBLE"
            return sql if self.null_default is None else f"coalesce({sql}, {self.null_default})"
        return f"({sql})::VARCHAR[]" if self.dtype == "texts" else f"({sql})::VARCHAR"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A feature of two read-time features: ``numerator / denominator``, missing where either is.

    It is computed when read, so that a ratio to an aged value ages too.
    """

    name: str
    numerator: str
    denominator: str
    meaning: str
    unit: str = "ratio"
