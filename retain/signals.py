"""Early-warning signals: plain comparisons of a customer with their own past.

They stand beside the churn probability and change none. The thresholds are in
``config/signals.yaml``; the reading of each, and how often it was right, in
``docs/guides/reasons.md``.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan, sqrt
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retain.columns import READ_TIME, Columns
from retain.configuration import Declared, read_declared
from retain.features.staleness import StaleViews, too_old
from retain.one.features import One
from retain.rule_programs import holding
from retain.rules import compile_rule

FILE_NAME = "signals.yaml"
WINDOW_DAYS = 30.0

Code = Literal[
    "purchase_cycle_anomaly", "activity_decline", "complaints_rising", "subscription_lapsing"
]
Unit = Literal["days", "active_days", "contacts"]
Days = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Signal:
    """One warning about one customer.

    Attributes:
        value: what is now, in ``unit``.
        usual: what is usual for this customer, in the same unit.
        since: from when on it has been so.
    """

    code: Code
    value: float
    usual: float
    unit: Unit
    since: datetime


class Told(NamedTuple):
    """What is told of one customer: now, usually, and for how many days."""

    value: float
    usual: float
    days: float


class Limits(Declared):
    """When one signal is told.

    Of one customer at a time, in plain numbers: four comparisons for one customer take as long
    as one operation on arrays, and a missing value (NaN) is neither above nor below anything.
    """

    code: ClassVar[Code]
    unit: ClassVar[Unit]
    reads: ClassVar[tuple[str, ...]]
    """The features that are given to :meth:`told`, in this order."""

    enabled: bool

    @abstractmethod
    def told(self, *features: float) -> Told | None:
        """What to tell of a customer with these features, or None."""

    @property
    @abstractmethod
    def noticed(self) -> str:
        """The rule that holds of whom :meth:`told` may tell; of no other it does."""


class CycleLimits(Limits):
    """Silence that is longer than the customer's own rhythm explains."""

    code: ClassVar[Code] = "purchase_cycle_anomaly"
    unit: ClassVar[Unit] = "days"
    reads: ClassVar[tuple[str, ...]] = (
        "order_recency_days",
        "order_gap_mean_days",
        "order_gap_sd_days",
        "orders_lifetime",
    )

    times_usual_gap: Annotated[float, Field(gt=1)]
    deviations: Annotated[float, Field(ge=0)]
    least_orders: Annotated[int, Field(ge=2)]
    least_days: Days

    def told(self, *features: float) -> Told | None:
        """Days since the last order, beside the mean gap."""
        silence, gap, deviation, orders = features
        if not (orders >= self.least_orders and gap > 0 and silence >= self.least_days):
            return None
        spread = deviation if deviation > 0 else 0.0
        limit = max(self.times_usual_gap * gap, gap + self.deviations * spread, self.least_days)
        return Told(silence, gap, silence - limit) if silence >= limit else None

    @property
    def noticed(self) -> str:
        """Who is silent for long, and longer than usual."""
        return (
            f"orders_lifetime >= {self.least_orders} and order_gap_mean_days > 0"
            f" and order_recency_days >= {self.least_days}"
            f" and order_recency_days >= {self.times_usual_gap} * order_gap_mean_days"
        )


class ActivityLimits(Limits):
    """Fewer active days than this customer had before, and fewer than chance explains."""

    code: ClassVar[Code] = "activity_decline"
    unit: ClassVar[Unit] = "active_days"
    reads: ClassVar[tuple[str, ...]] = ("active_days_30d", "active_days_90d", "visit_recency_days")

    share_of_usual: Annotated[float, Field(gt=0, lt=1)]
    least_usual_days: Annotated[float, Field(gt=0)]
    deviations: Annotated[float, Field(ge=0)]

    def told(self, *features: float) -> Told | None:
        """Active days of the last 30 days, beside the mean of the two times 30 before."""
        value, in_90_days, silence = features
        usual = (in_90_days - value) / 2
        if not (usual >= self.least_usual_days and value <= self.share_of_usual * usual):
            return None
        # counts of a steady customer: the variance of one is its mean, of a mean of two half
        if usual - value < self.deviations * sqrt(1.5 * usual):
            return None
        return Told(value, usual, max(WINDOW_DAYS, silence))

    @property
    def noticed(self) -> str:
        """Who was active and is less so."""
        usual = "(active_days_90d - active_days_30d) / 2"
        return (
            f"active_days_30d <= {self.share_of_usual} * ({usual})"
            f" and {usual} >= {self.least_usual_days}"
        )


class ComplaintLimits(Limits):
    """More contacts with service than before, of someone who is not content."""

    code: ClassVar[Code] = "complaints_rising"
    unit: ClassVar[Unit] = "contacts"
    reads: ClassVar[tuple[str, ...]] = (
        "service_contacts_30d",
        "service_contacts_90d",
        "sentiment_mean",
        "contacts_since_days",
    )

    times_usual: Annotated[float, Field(ge=1)]
    least_contacts: Annotated[int, Field(ge=1)]
    sentiment_at_most: Annotated[float, Field(ge=-1, le=1)]

    def told(self, *features: float) -> Told | None:
        """Contacts of the last 30 days, beside the mean of the two times 30 before."""
        value, in_90_days, sentiment, since = features
        usual = (in_90_days - value) / 2
        if sentiment > self.sentiment_at_most or not usual >= 0:
            return None
        if not value >= max(self.least_contacts, self.times_usual * usual):
            return None
        return Told(value, usual, min(since, WINDOW_DAYS) if since >= 0 else WINDOW_DAYS)

    @property
    def noticed(self) -> str:
        """Who was in contact often enough."""
        return f"service_contacts_30d >= {self.least_contacts}"


class SubscriptionLimits(Limits):
    """A subscription that was cancelled, not renewed, or is about to end."""

    code: ClassVar[Code] = "subscription_lapsing"
    unit: ClassVar[Unit] = "days"
    reads: ClassVar[tuple[str, ...]] = (
        "days_to_term_end",
        "subscription_changed_days",
        "subscription_active",
    )

    grace_days: Days
    ends_within_days: Days
    forget_after_days: Days

    def told(self, *features: float) -> Told | None:
        """Days to the end of the term, negative after it; a renewal is due at 0."""
        to_end, changed, subscribed = features
        active = subscribed > 0
        ended = -to_end if active else changed
        if (self.grace_days if active else 0) <= ended <= self.forget_after_days:
            return Told(-changed if isnan(to_end) else to_end, 0.0, ended)
        if active and 0 <= to_end < self.ends_within_days:
            return Told(to_end, 0.0, self.ends_within_days - to_end)
        return None

    @property
    def noticed(self) -> str:
        """Who has, or had, a subscription."""
        return "subscription_active > 0 or subscription_changed_days >= 0"


class SignalConfig(Declared):
    """The content of ``config/signals.yaml``."""

    purchase_cycle_anomaly: CycleLimits
    activity_decline: ActivityLimits
    complaints_rising: ComplaintLimits
    subscription_lapsing: SubscriptionLimits


def load(folder: Path) -> SignalConfig:
    """The thresholds in a configuration folder, or those shipped where it declares none.

    Raises:
        InvalidInput: ``signals.yaml`` cannot be read or a field is wrong; the message names it.
    """
    return read_declared(folder, FILE_NAME, SignalConfig)


class Signals:
    """Finds the signals of customers."""

    def __init__(self, config: SignalConfig) -> None:
        every: tuple[Limits, ...] = (
            config.purchase_cycle_anomaly,
            config.activity_decline,
            config.complaints_rising,
            config.subscription_lapsing,
        )
        self._limits = [limits for limits in every if limits.enabled]
        self._noticed = [
            compile_rule(limits.noticed, READ_TIME, name=limits.code, file=FILE_NAME)
            for limits in self._limits
        ]
        self._compiled = holding(READ_TIME, [(True, [rule.text for rule in self._noticed])])

    def find(
        self,
        columns: Columns,
        as_of: NDArray[np.datetime64],
        customer_ids: Sequence[str] = (),
        stale_views: StaleViews | None = None,
    ) -> list[list[Signal]]:
        """The signals of each of n customers, in the order of the file.

        Args:
            columns: read-time features, each (n,).
            as_of: the moment of the question, (n,).
            customer_ids: who they are.
            stale_views: views that tell nothing, by customer.
        """
        found: list[list[Signal]] = [[] for _ in as_of]
        moments: list[datetime] = as_of.astype("M8[us]").astype(object).tolist()
        for limits, noticed in zip(self._limits, self._noticed, strict=True):
            holds = noticed.evaluate(columns, len(as_of))
            if stale_views:
                holds = holds & ~too_old(customer_ids, stale_views, limits.reads)
            rows = np.flatnonzero(holds)
            some = [columns[name][rows].tolist() for name in limits.reads]
            for row, features in zip(rows.tolist(), zip(*some, strict=True), strict=True):
                if (told := limits.told(*features)) is not None:
                    found[row].append(_signal(limits, told, moments[row]))
        return found

    def of_one(self, one: Mapping[str, Any], as_of: datetime) -> list[Signal]:
        """As :meth:`find`, of one customer's features as plain values."""
        noticed = ~0
        if self._compiled is not None and type(one) is One:
            (noticed,) = self._compiled(one)
            if not noticed:
                return []
        found = []
        for place, limits in enumerate(self._limits):
            if not noticed >> place & 1:
                continue
            told = limits.told(*[one[name] for name in limits.reads])
            if told is not None:
                found.append(_signal(limits, told, as_of))
        return found


def _signal(limits: Limits, told: Told, as_of: datetime) -> Signal:
    since = as_of.replace(tzinfo=UTC) - timedelta(days=told.days)
    return Signal(limits.code, told.value, told.usual, limits.unit, since)
