"""The thresholds of every check, as ``config/quality.yaml`` declares them."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from retain.columns import READ_TIME
from retain.configuration import Declared, read_declared

FILE_NAME = "quality.yaml"

Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(gt=1)]
Count = Annotated[int, Field(ge=1)]
Reason = Literal[
    "bot",
    "fast_session",
    "bulk_buyer",
    "many_orders",
    "card_testing",
    "zero_orders",
    "test_customer",
]


class Grades(Declared):
    """Where a value becomes a warning and where a failure; more is worse."""

    warn: float
    fail: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.fail < self.warn:
            raise ValueError("fail must not be below warn")
        return self


class FeatureLimits(Declared):
    """Features against their training snapshot; see docs/guides/data-quality.md."""

    psi: Grades
    false_alarm_rate: Annotated[float, Field(gt=0, lt=0.5)]
    least_rows: Count
    usual_factor: Annotated[float, Field(ge=1)]
    moving: tuple[str, ...]
    null_rate_rise: Grades

    @field_validator("moving")
    @classmethod
    def _are_features(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(names) - set(READ_TIME)):
            raise ValueError(f"no such feature: {', '.join(unknown)}")
        return names


class VolumeLimits(Declared):
    """Event counts against the same weekday's usual."""

    arrival_delay_hours: Annotated[float, Field(ge=0)]
    weeks: Annotated[int, Field(ge=2, le=52)]
    least_weeks: Annotated[int, Field(ge=2)]
    least_expected: Count
    deviations: Annotated[float, Field(gt=0)]
    drop: Grades
    spike: Factor
    silence_gap_factor: Factor
    silence_mean_factor: Factor
    closed_days: tuple[date, ...] = ()


class ValueLimits(Declared):
    """Properties of events against their own past."""

    recent_days: Count
    past_days: Count
    least_events: Count
    vanished: Grades
    zero_total_share: Grades
    zero_price_share: Grades
    negative_share: Grades
    repeated_order_share: Grades
    future_share: Grades
    extreme_factor: Factor
    price_factor: Factor
    price_share: Share


class CustomerLimits(Declared):
    """When traffic, orders and customers are abnormal."""

    days: Count
    views_per_day: Count
    views_factor: Factor
    session_events: Count
    session_events_per_second: Annotated[float, Field(gt=0)]
    least_buyers: Count
    spend_factor: Factor
    order_value_factor: Factor
    order_items_factor: Factor
    orders_per_day: Count
    orders_factor: Factor
    failed_payments_per_day: Count
    zero_orders: Count
    test_ids: str
    test_sources: tuple[str, ...]
    share: Grades
    named: Count

    @field_validator("test_ids")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            pc.match_substring_regex(pa.array([""]), pattern)
        except pa.ArrowInvalid as error:  # RE2, the same dialect as DuckDB's
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern


class Training(Declared):
    """Which abnormal customers no model learns from."""

    exclude: tuple[Reason, ...]


class Watching(Declared):
    """How much a look at a home reads, and how often the service takes one."""

    every_minutes: Annotated[float, Field(ge=0)]
    customers: Count
    unexported_events: Count


class Thresholds(Declared):
    """The content of ``config/quality.yaml``."""

    features: FeatureLimits
    volume: VolumeLimits
    values: ValueLimits
    customers: CustomerLimits
    training: Training
    watching: Watching


def load(folder: Path) -> Thresholds:
    """The thresholds in a configuration folder, or those shipped where it declares none.

    Raises:
        InvalidInput: ``quality.yaml`` cannot be read or a field is wrong; the message names it.
    """
    return read_declared(folder, FILE_NAME, Thresholds)
