"""Actions: what can be done for a customer, as declared in actions.yaml."""

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from retain.configuration import Declared, Name, Names
from retain.decisions import consistency
from retain.decisions.constraints import (
    Budgets,
    Caps,
    Constraints,
    CoolDown,
    DeclaredChannel,
    Exclusion,
    FollowUp,
)
from retain.decisions.exploration import Exploration
from retain.decisions.terms import ContextWeight, RankedBy

Purpose = Literal[
    "win_back",
    "retention_offer",
    "re_engagement",
    "replenishment_reminder",
    "cross_sell",
    "onboarding",
    "cart_recovery",
    "payment_help",
    "consideration",
    "review_request",
    "referral",
    "vip_care",
    "service_recovery",
    "renewal",
    "none",
]
ItemSource = Literal[
    "open_cart",
    "last_viewed",
    "top_products",
    "last_products",
    "next_products",
    "replenishment",
    "complements",
    "upgrades",
]
Formula = str | float

NONE = "none"
LIVE_CHANNELS = frozenset({"web", "in_app"})
"""Shown while the customer is there: no message, no contact, only with a matching context."""
_NO_CONTACT = LIVE_CHANNELS | {NONE, "ads"}

Share = Annotated[float, Field(ge=0, le=1)]
Cost = Annotated[float, Field(ge=0)]
Hour = Annotated[int, Field(ge=0, le=23)]


class QuietHours(Declared):
    """Local hours in which nothing is sent: from ``start`` o'clock until ``end`` o'clock."""

    start: Hour
    end: Hour

    def cover(self, hour: int) -> bool:
        """Whether ``hour`` is quiet; a window may span midnight."""
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end

    @cached_property
    def by_hour(self) -> tuple[bool, ...]:
        """Whether each of the 24 hours is quiet."""
        return tuple(map(self.cover, range(24)))


class NamedRule(Declared):
    """A condition that actions share; receipts quote its name, people read ``says``."""

    when: str | bool
    says: str


class Treatment(Declared):
    """A variant of an action.

    Attributes:
        discount: share of the basket given away on conversion.
        reward: fixed amount given away on conversion.
        strength: uplift of this treatment over that of the action.
    """

    name: Name
    discount: Share = 0.0
    reward: Cost = 0.0
    strength: Annotated[float, Field(gt=0, le=5)] = 1.0


class Prior(Declared):
    """What is believed until campaigns have been measured; formulas over columns.

    Attributes:
        conversion: probability of the wished-for outcome without the action.
        uplift: what the action adds to it.
        source: where the numbers come from.
    """

    conversion: Formula
    uplift: Formula
    source: str


class Action(Declared):
    """One entry of the catalogue; docs/guides/actions.md explains every field."""

    id: Name
    names: Names
    channel: DeclaredChannel
    purpose: Purpose
    consent: Literal["marketing", "service"] = "marketing"
    tone: str
    content_type: str
    message: Name | None = None
    items: tuple[ItemSource, ...] = ()
    treatments: Annotated[tuple[Treatment, ...], Field(min_length=1)] = (
        Treatment(name="standard"),
    )
    contact_cost: Cost = 0.0
    value: Formula
    margin: Share
    prior: Prior
    eligibility: tuple[Name, ...] = ()
    applicability: tuple[Name, ...] = ()
    suitability: tuple[Name, ...] = ()
    stages: tuple[Name, ...] = ()
    follows: tuple[FollowUp, ...] = ()
    withdrawn_by: tuple[Name, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    send: Literal["at_once", "usual_hour"] = "usual_hour"
    respects_quiet_hours: bool = True
    valid_hours: Annotated[float, Field(gt=0, le=24 * 90)]
    lever: Annotated[float, Field(gt=0, le=100)] = 1.0
    context_weights: tuple[ContextWeight, ...] = ()
    tags: tuple[Name, ...] = ()
    cap: Caps = ()
    cool_down: tuple[CoolDown, ...] = ()
    budget: Budgets = ()
    transactional: bool = False

    @property
    def conditions(self) -> tuple[str, ...]:
        """The rules that must hold, in the order they are asked."""
        return (*self.eligibility, *self.applicability, *self.suitability)

    @property
    def is_live(self) -> bool:
        """Shown on the site or in the app instead of being sent."""
        return self.channel in LIVE_CHANNELS

    @property
    def is_contact(self) -> bool:
        """Whether it reaches out to the customer and so counts against caps."""
        return self.channel not in _NO_CONTACT


class ActionConfig(Constraints):
    """The content of ``config/actions.yaml``."""

    usual_hour: Hour = 10
    quiet_hours: QuietHours
    reachable_by_default: tuple[DeclaredChannel, ...] = ("email",)
    basket: Formula
    ranking: RankedBy = RankedBy()
    exploration: Exploration = Exploration()
    rules: Mapping[Name, NamedRule]
    actions: tuple[Action, ...]

    @field_validator("time_zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is not an IANA time zone") from error
        return name

    def members(self, exclusion: Exclusion) -> tuple[str, ...]:
        """The ids of the actions in a group that excludes each other."""
        named, tags = set(exclusion.actions), set(exclusion.tags)
        return tuple(a.id for a in self.actions if a.id in named or tags & {*a.tags})

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ids = [action.id for action in self.actions]
        if len(set(ids)) < len(ids):
            raise ValueError("two actions have one id")
        nothing = [a for a in self.actions if a.channel == "none"]
        if [a.id for a in nothing] != [NONE] or nothing[0].conditions or nothing[0].stages:
            raise ValueError("there must be one action `none` on channel none, for everybody")
        for action in self.actions:
            names = [treatment.name for treatment in action.treatments]
            if len(set(names)) < len(names):
                raise ValueError(f"two treatments of {action.id} have one name")
        if wrong := next(consistency.contradictions(self), None):
            raise ValueError(wrong)
        return self
