"""Experiments as they are declared in experiments.yaml."""

from datetime import UTC, datetime
from itertools import combinations, product
from math import isclose
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from retain.configuration import Declared, Name
from retain.experiments.change import Change, conflict, together

Share = Annotated[float, Field(gt=0, lt=1)]
Place = Annotated[float, Field(ge=0, le=1)]
Metric = Literal["conversion", "revenue"]
Guarded = Literal[
    "unsubscribes", "complaints", "bounces", "contacts", "service_contacts", "refunds"
]
Exposure = Literal["rank", "predict", "event"]

JOINED = "+"
"""Between the levels that a cell of a factorial experiment is named by."""


class Arm(Declared):
    """One of the things that are compared; the first of an experiment is its control."""

    name: Name
    share: Share
    change: Change = Change()


class Factor(Declared):
    """One of the two questions of a factorial experiment; its first level is the base."""

    name: Name
    levels: Annotated[tuple[Arm, ...], Field(min_length=2)]


class Cell(Declared):
    """An arm as it is assigned: of a factorial experiment, a combination of levels."""

    name: str
    share: float
    change: Change
    levels: tuple[str, ...] = ()


class Design(Declared):
    """What is said before the first customer is assigned.

    Attributes:
        primary: the metric that decides.
        window_days: how long after the first exposure outcomes count.
        baseline_conversion: share of the control's customers who convert within the window.
        minimum_lift: the smallest relative lift worth finding (0.1 is 10 %).
        revenue_mean, revenue_sd: of a customer within the window; where revenue decides.
        revenue_cap: revenue of a customer counts up to this amount: one large order must not
            decide, and may only be cut off where that was said in advance.
        alpha: the chance to call a difference where there is none, looked at however often.
        power: the chance to find ``minimum_lift`` where it is there.
    """

    primary: Metric = "conversion"
    window_days: Annotated[int, Field(ge=1, le=365)] = 14
    baseline_conversion: Share | None = None
    minimum_lift: Annotated[float, Field(gt=0, le=10)] | None = None
    revenue_mean: Annotated[float, Field(gt=0)] | None = None
    revenue_sd: Annotated[float, Field(gt=0)] | None = None
    revenue_cap: Annotated[float, Field(gt=0)] | None = None
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8

    @property
    def is_sized(self) -> bool:
        """Whether it says enough to compute the sample it needs."""
        if self.minimum_lift is None:
            return False
        if self.primary == "revenue":
            return self.revenue_mean is not None and self.revenue_sd is not None
        return self.baseline_conversion is not None


class Guardrail(Declared):
    """A metric that must not get worse by more than ``tolerated`` per customer."""

    metric: Guarded
    tolerated: Annotated[float, Field(ge=0)] = 0.0


class Bandit(Declared):
    """Shares shift to the arms that convert better; no arm gets less than ``floor``."""

    floor: Annotated[float, Field(gt=0, le=0.5)] = 0.05


class Experiment(Declared):
    """One experiment; docs/guides/experiments.md explains every field.

    Attributes:
        assigned: ``elsewhere`` where another system assigns and sends `experiment_viewed` events.
        experiment_id: what those events call it, where that is not its name.
    """

    name: Name
    question: str
    layer: Name
    status: Literal["draft", "running", "stopped"] = "draft"
    start: datetime | None = None
    end: datetime | None = None
    traffic: tuple[Place, Place]
    eligible: str | bool = True
    assigned: Literal["here", "elsewhere"] = "here"
    experiment_id: Annotated[str, Field(pattern=r"^[\w.:/ -]+$", max_length=200)] | None = None
    exposed_by: Annotated[tuple[Exposure, ...], Field(min_length=1)] = ("rank", "event")
    arms: tuple[Arm, ...] = ()
    factors: tuple[Factor, ...] = ()
    bandit: Bandit | None = None
    design: Design = Design()
    guardrails: tuple[Guardrail, ...] = (
        Guardrail(metric="unsubscribes"),
        Guardrail(metric="complaints"),
        Guardrail(metric="contacts", tolerated=1.0),
    )

    @field_validator("start", "end")
    @classmethod
    def _in_utc(cls, at: datetime | None) -> datetime | None:
        if at is None:
            return None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.traffic[0] >= self.traffic[1]:
            raise ValueError(f"{self.name}: traffic must rise, as in [0.0, 0.5]")
        if bool(self.arms) == bool(self.factors):
            raise ValueError(f"{self.name} needs either `arms` or two `factors`")
        self._check_arms()
        if self.bandit is not None:
            self._check_bandit(self.bandit)
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"{self.name} ends before it starts")
        if self.status != "draft":
            self._check_ready()
        return self

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The arms as they are assigned, the control first."""
        if self.arms:
            return tuple(Cell(name=a.name, share=a.share, change=a.change) for a in self.arms)
        return tuple(
            Cell(
                name=JOINED.join((a.name, b.name)),
                share=a.share * b.share,
                change=together((a.change, b.change)),
                levels=(a.name, b.name),
            )
            for a, b in product(*(factor.levels for factor in self.factors))
        )

    def runs_at(self, at: datetime) -> bool:
        """Whether customers are assigned at this moment."""
        return (
            self.status == "running"
            and self.assigned == "here"
            and (self.start is None or self.start <= at)
            and (self.end is None or at < self.end)
        )

    def meets(self, other: "Experiment") -> bool:
        """Whether both may assign a customer at the same moment."""
        if {self.status, other.status} != {"running"} or self.name == other.name:
            return False
        if "elsewhere" in (self.assigned, other.assigned):
            return False
        apart = (self.end and other.start and self.end <= other.start) or (
            other.end and self.start and other.end <= self.start
        )
        return not apart

    def _check_arms(self) -> None:
        if self.factors and len(self.factors) != 2:
            raise ValueError(f"{self.name} needs two factors, not {len(self.factors)}")
        if self.arms and len(self.arms) < 2:
            raise ValueError(f"{self.name} needs two arms or more; the first is the control")
        groups = [factor.levels for factor in self.factors] or [self.arms]
        for arms in groups:
            names = [arm.name for arm in arms]
            if len(set(names)) < len(names):
                raise ValueError(f"two arms of {self.name} have one name")
            total = sum(arm.share for arm in arms)
            if not isclose(total, 1.0, abs_tol=1e-6):
                raise ValueError(
                    f"the shares of {', '.join(names)} in {self.name} are {total:g} together; "
                    "they must be 1: how much of the layer takes part is said by `traffic`"
                )
        if self.factors:
            for a, b in product(*(factor.levels for factor in self.factors)):
                if why := conflict(a.change, b.change):
                    raise ValueError(f"{self.name}: {a.name} and {b.name} {why}")

    def _check_bandit(self, bandit: Bandit) -> None:
        if self.factors:
            raise ValueError(f"{self.name}: a bandit has arms, not factors")
        if bandit.floor * len(self.arms) > 1:
            raise ValueError(f"{self.name}: {len(self.arms)} arms cannot have {bandit.floor} each")
        if any(arm.share < bandit.floor for arm in self.arms):
            raise ValueError(f"{self.name}: an arm begins with less than the floor {bandit.floor}")

    def _check_ready(self) -> None:
        if self.start is None:
            raise ValueError(f"{self.name} is {self.status}: say since when with `start`")
        if self.bandit is None and not self.design.is_sized:
            raise ValueError(
                f"{self.name} is {self.status}: state in `design` what it is sized for, "
                "`baseline_conversion` and `minimum_lift` (or `revenue_mean`, `revenue_sd` and "
                "`minimum_lift`); `retain experiments size` says what customers need"
            )


class ExperimentConfig(Declared):
    """The content of ``config/experiments.yaml``."""

    layers: tuple[Name, ...] = ()
    experiments: tuple[Experiment, ...] = ()

    @model_validator(mode="after")
    def _share_the_traffic(self) -> Self:
        names = [one.name for one in self.experiments]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two experiments have the name {twice[0]}; names are never reused")
        for one in self.experiments:
            if one.layer not in self.layers:
                raise ValueError(f"{one.name} is in the layer {one.layer}: name it under `layers`")
        for one, other in combinations(self.experiments, 2):
            if one.meets(other):
                _check_pair(one, other)
        return self


def _check_pair(one: Experiment, other: Experiment) -> None:
    if one.layer == other.layer:
        if max(one.traffic[0], other.traffic[0]) < min(one.traffic[1], other.traffic[1]):
            raise ValueError(
                f"{one.name} and {other.name} take the same traffic of the layer {one.layer} at "
                "the same time: move one `traffic`, or put one into another layer"
            )
        return
    for a, b in product(one.cells, other.cells):
        if why := conflict(a.change, b.change):
            raise ValueError(
                f"{one.name} ({a.name}) and {other.name} ({b.name}) {why}: put both into one "
                "layer, so that no customer is in both"
            )
