"""The action catalogue: what can be done for a customer, declared in actions.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from retain.columns import ACTION_RULES
from retain.configuration import Declared, Name, Names, read_yaml
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
from retain.rules import Amount, Rule, compile_amount, compile_rule
from retain.vocabulary import vocabulary

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
_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
LIVE_CHANNELS = frozenset({"web", "in_app"})
"""Shown while the customer is there: no message, no contact, only with a matching context."""

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
        return self.channel not in LIVE_CHANNELS | {"none", "ads"}


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


@dataclass(frozen=True)
class Catalogue:
    """The declared actions with everything they say compiled.

    Attributes:
        rules: shared conditions by name.
        values: per action, what one conversion is worth before margin.
        conversions, uplifts: per action, the prior's formulas.
        weights: per action, rules over the moment and the factor while each holds.
        basket: the value of an order, which discounts are taken from.
    """

    config: ActionConfig
    rules: Mapping[str, Rule]
    values: Mapping[str, Amount]
    conversions: Mapping[str, Amount]
    uplifts: Mapping[str, Amount]
    weights: Mapping[str, tuple[tuple[Rule, float], ...]]
    basket: Amount

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action, in the order of the file."""
        return self.config.actions

    @cached_property
    def by_id(self) -> Mapping[str, Action]:
        """Actions by their ids."""
        return {action.id: action for action in self.actions}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Positions in the file by action id."""
        return {action.id: place for place, action in enumerate(self.actions)}

    @cached_property
    def windows(self) -> Mapping[str, tuple[datetime, datetime]]:
        """UTC begin and end (exclusive) of the actions that are not always valid."""
        return {
            action.id: (
                self._midnight(action.valid_from) if action.valid_from else _ALWAYS[0],
                self._midnight(action.valid_until + timedelta(days=1))
                if action.valid_until
                else _ALWAYS[1],
            )
            for action in self.actions
            if action.valid_from or action.valid_until
        }

    @cached_property
    def ends(self) -> Mapping[str, datetime]:
        """When the actions that have a last day are over, UTC."""
        return {
            action.id: self.windows[action.id][1] for action in self.actions if action.valid_until
        }

    @cached_property
    def goals(self) -> Mapping[str, frozenset[str]]:
        """By action, the event types that reach its goal."""
        types = vocabulary().types.keys()
        return {action.id: frozenset(types & set(action.withdrawn_by)) for action in self.actions}

    @cached_property
    def goal_events(self) -> frozenset[str]:
        """Event types that are goals of actions which follow others."""
        following = (self.goals[action.id] for action in self.actions if action.follows)
        return frozenset[str]().union(*following)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.config.zone).astimezone(UTC)


def load(path: Path) -> Catalogue:
    """The catalogue in the file at ``path``.

    Raises:
        InvalidInput: a field, rule or formula is wrong; the message names file and part.
    """
    return compile_catalogue(read_yaml(path, ActionConfig), file=path.name)


def compile_catalogue(config: ActionConfig, *, file: str) -> Catalogue:
    """``config`` with its rules and formulas compiled.

    Raises:
        InvalidInput: a rule or formula is not of the language or names no known column.
    """

    def amount(formula: Formula, name: str) -> Amount:
        return compile_amount(formula, ACTION_RULES, name=name, file=file)

    return Catalogue(
        config=config,
        rules={
            name: compile_rule(rule.when, ACTION_RULES, name=name, file=file)
            for name, rule in config.rules.items()
        },
        values={a.id: amount(a.value, f"{a.id}.value") for a in config.actions},
        conversions={
            a.id: amount(a.prior.conversion, f"{a.id}.prior.conversion") for a in config.actions
        },
        uplifts={a.id: amount(a.prior.uplift, f"{a.id}.prior.uplift") for a in config.actions},
        weights={
            a.id: tuple(
                (
                    compile_rule(
                        weight.when, ACTION_RULES, name=f"{a.id}.context_weights", file=file
                    ),
                    weight.factor,
                )
                for weight in a.context_weights
            )
            for a in config.actions
        },
        basket=amount(config.basket, "basket"),
    )
