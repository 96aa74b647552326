"""What a catalogue forbids, as declared: caps, rests, exclusions, budgets, a control group."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from retain.bucketing import place
from retain.configuration import Declared, Name

Channel = Literal["email", "sms", "push", "in_app", "web", "ads", "call", "none"]
Outcome = Literal[
    "sent",
    "delivered",
    "bounced",
    "shown",
    "opened",
    "clicked",
    "converted",
    "dismissed",
    "complained",
    "unsubscribed",
]
"""What can become of a contact; ``not_`` before one of them says that it did not."""
Missing = Literal["not_delivered", "not_shown", "not_opened", "not_clicked", "not_converted"]

REMEMBERED_DAYS = 90
"""How long outcomes of contacts are looked back at; contacts themselves for a year."""

Days = Annotated[float, Field(gt=0, le=365)]
OutcomeDays = Annotated[float, Field(gt=0, le=REMEMBERED_DAYS)]


def channel_named(text: str) -> str:
    """The catalogue's spelling of a channel: of ``SMS`` sms, of ``E-Mail`` email."""
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    return {"e_mail": "email", "inapp": "in_app"}.get(name, name)


def _named(given: Any) -> Any:
    return channel_named(given) if isinstance(given, str) else given


def _several(given: Any) -> Any:
    if given is None:
        return ()
    return given if isinstance(given, list | tuple) else (given,)


DeclaredChannel = Annotated[Channel, BeforeValidator(_named)]


class Cap(Declared):
    """At most ``limit`` contacts in any ``days`` days."""

    limit: Annotated[int, Field(ge=0)]
    days: Days

    @cached_property
    def window(self) -> timedelta:
        """Its length."""
        return timedelta(days=self.days)


Caps = Annotated[tuple[Cap, ...], BeforeValidator(_several)]
"""One cap or a list of them: all hold."""


class CoolDown(Declared):
    """An action rests for ``days`` days after one of these outcomes of it."""

    after: Annotated[tuple[Outcome, ...], Field(min_length=1)]
    days: OutcomeDays


class Exclusion(Declared):
    """Of these actions, one that was done forbids the others for ``days`` days."""

    days: Days
    actions: tuple[Name, ...] = ()
    tags: tuple[Name, ...] = ()


class Repeats(Declared):
    """When a message that one channel carried may not be repeated in another.

    Attributes:
        seen: outcomes that say it was seen.
        days: for so long what was seen is not repeated.
        unreported_hours: for so long after it was sent it may still be seen.
    """

    seen: Annotated[tuple[Outcome, ...], Field(min_length=1)] = ("delivered", "shown", "opened")
    days: OutcomeDays = 14
    unreported_hours: Annotated[float, Field(ge=0, le=24 * REMEMBERED_DAYS)] = 24


class FollowUp(Declared):
    """Another action's outcome, in any channel, after which this action may be done.

    ``after_hours`` to ``within_hours`` are counted from that outcome; where it is one that did
    not happen, from the contact.
    """

    action: Name
    outcome: Outcome | Missing
    after_hours: Annotated[float, Field(ge=0)] = 0
    within_hours: Annotated[float, Field(gt=0, le=24 * REMEMBERED_DAYS)]

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.after_hours >= self.within_hours:
            raise ValueError("after_hours must be less than within_hours: there is no time between")
        return self


class Budget(Declared):
    """At most so much money and so many decisions in each period of the calendar."""

    amount: Annotated[float, Field(ge=0)] | None = None
    count: Annotated[int, Field(ge=0)] | None = None
    per: Literal["day", "week", "month", "total"] = "total"

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.amount is None and self.count is None:
            raise ValueError("give it an amount of money, a count of decisions, or both")
        return self

    def period(self, local: datetime) -> str:
        """The period of the local time ``local``: ``2026-11``, ``2026-W47``, ``total``."""
        if self.per == "week":
            year, week, _ = local.isocalendar()
            return f"{year}-W{week:02}"
        return {"day": f"{local:%Y-%m-%d}", "month": f"{local:%Y-%m}", "total": "total"}[self.per]


Budgets = Annotated[tuple[Budget, ...], BeforeValidator(_several)]
"""One budget or a list of them: all hold."""


class ControlGroup(Declared):
    """A share of all customers who get nothing but transactional messages.

    Attributes:
        share: of customers, 0 to 0.5.
        salt: another salt is another group; without a change it is the same for ever.
        since: the first day, in the catalogue's time zone; without it, always.
    """

    share: Annotated[float, Field(ge=0, le=0.5)]
    salt: Annotated[str, Field(min_length=1, max_length=64)]
    since: date | None = None

    def holds(self, customer_id: str, local: datetime) -> bool:
        """Whether this customer is a member at the local time ``local``."""
        if self.since is not None and local.date() < self.since:
            return False
        return place(f"control/{self.salt}", customer_id) < self.share


class Reporting(Declared):
    """Where the sender reports every message sent, so that silence means it was not.

    Attributes:
        channels: those; on all others what was not reported counts as sent at its ``send_at``.
        within_hours: how long after ``expires_at`` a report may still come.
    """

    channels: tuple[DeclaredChannel, ...] = ()
    within_hours: Annotated[float, Field(ge=0, le=24 * 30)] = 24


class Constraints(Declared):
    """What limits decisions over the whole catalogue."""

    contact_cap: Caps
    channel_caps: Mapping[DeclaredChannel, Caps] = {}
    tag_caps: Mapping[Name, Caps] = {}
    budget: Budgets = ()
    channel_budgets: Mapping[DeclaredChannel, Budgets] = {}
    tag_budgets: Mapping[Name, Budgets] = {}
    exclusions: Mapping[Name, Exclusion] = {}
    repeats: Repeats = Repeats()
    reporting: Reporting = Reporting()
    control_group: ControlGroup | None = None
    time_zone: str = "UTC"

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where days, weeks and months of this file begin and end."""
        return ZoneInfo(self.time_zone)
