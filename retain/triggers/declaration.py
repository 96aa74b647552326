"""Triggers as declared in triggers.yaml: which situation, what ends it, where its decision goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from retain.columns import ACTION_RULES, CONTEXT, Kind
from retain.configuration import Declared, Name, Names, read_declared
from retain.rules import Rule, compile_rule
from retain.triggers.durations import Duration
from retain.vocabulary import vocabulary

FILE_NAME = "triggers.yaml"
PULL = "pull"
Moment = Literal["expected_order", "term_end"]
DAYS_UNTIL: Mapping[Moment, str] = {
    "expected_order": "days_to_expected_order",
    "term_end": "days_to_term_end",
}
"""The column that says how far away each moment is, in days."""
STATE_COLUMNS: Mapping[str, Kind] = {
    name: kind for name, kind in ACTION_RULES.items() if name not in CONTEXT
}
"""What ``when``, ``becomes`` and ``rearms`` may name: features, scores and segments."""

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_SHORTEST_RETRY = timedelta(milliseconds=1)


def _variable(name: str) -> str:
    if not re.fullmatch(r"RETAIN_[A-Z0-9_]+", name):
        raise ValueError(
            "name an environment variable that begins with RETAIN_, as in RETAIN_WEBHOOK_SECRET: "
            "the secret itself stays out of files"
        )
    return name


class Endpoint(Declared):
    """A webhook: the only kind of address decisions are sent to.

    Attributes:
        url: where to; https, but for this machine or with ``allow_http``.
        secret: the environment variable that holds the signing secret, or several, of which
            each signs (to change one without a gap).
        timeout: for one attempt, from connecting to the answer's status.
        attempts: after so many the delivery is dead.
        first_wait, longest_wait: between attempts, doubling from one to the other.
        at_once: how many attempts may be on their way at a time.
    """

    url: str
    secret: Annotated[str, AfterValidator(_variable)]
    timeout: Duration = timedelta(seconds=10)
    attempts: Annotated[int, Field(ge=1, le=50)] = 12
    first_wait: Duration = timedelta(seconds=5)
    longest_wait: Duration = timedelta(hours=1)
    at_once: Annotated[int, Field(ge=1, le=16)] = 4
    allow_http: bool = False

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("url is no web address: write it like https://crm.example.com/retain")
        if parts.username or parts.password:
            raise ValueError("url holds a user or password: leave it out, calls are signed")
        if parts.scheme == "http" and parts.hostname not in _LOCAL and not self.allow_http:
            raise ValueError(
                "url is not encrypted: write https, or allow_http: true inside a network of yours"
            )
        if not timedelta() < self.timeout <= timedelta(minutes=1):
            raise ValueError("timeout must be above 0 and at most 1m")
        if not _SHORTEST_RETRY <= self.first_wait <= self.longest_wait:
            raise ValueError("first_wait must be above 0 and at most longest_wait")
        return self


class Pull(Declared):
    """How decisions are held for a CRM that pulls.

    Attributes:
        lease: how long what was pulled is hidden from other pulls, where the request says nothing.
        attempts: pulled so often without acknowledgement, a delivery is dead.
    """

    lease: Duration = timedelta(minutes=2)
    attempts: Annotated[int, Field(ge=1, le=1_000)] = 20


class Trigger(Declared):
    """One situation; docs/guides/triggers.md explains every field."""

    id: Name
    names: Names
    enabled: bool = False
    events: tuple[str, ...] = ()
    where: str | None = None
    times: Annotated[int, Field(ge=1, le=1_000)] = 1
    within: Duration | None = None
    absent: Duration | None = None
    after: Duration = timedelta()
    becomes: str | None = None
    rearms: str | None = None
    before: Moment | None = None
    lead: Duration | None = None
    when: str | None = None
    goal: tuple[str, ...] = ()
    cool_down: Duration = timedelta(days=1)
    lateness: Duration = timedelta(hours=12)
    deliver_to: Name = PULL
    hand_over: Literal["at_send_time", "at_once"] = "at_send_time"

    @model_validator(mode="after")
    def _is_one_situation(self) -> Self:
        kinds = [bool(self.events), self.becomes is not None, self.before is not None]
        if sum(kinds) != 1:
            raise ValueError(f"{self.id} needs exactly one of events, becomes and before")
        if not self.events and (self.where or self.within or self.absent or self.times > 1):
            raise ValueError(f"{self.id}: where, times, within and absent go with events")
        if not self.events and self.after:
            raise ValueError(f"{self.id}: after goes with events; before has lead")
        if self.times > 1 and self.within is None:
            raise ValueError(f"{self.id} counts to {self.times}: say within which time")
        if self.rearms is not None and self.becomes is None:
            raise ValueError(f"{self.id}: rearms goes with becomes")
        if (self.before is None) != (self.lead is None):
            raise ValueError(f"{self.id}: before and lead go together, such as lead: 3d")
        if self.before is not None and not self.goal:
            raise ValueError(f"{self.id} needs a goal, after which it may fire again")
        for name in (*self.events, *self.goal):
            if name not in vocabulary().types and name not in vocabulary().families:
                raise ValueError(
                    f"{self.id} names {name!r}, which is neither an event type nor a family: "
                    "docs/events.schema.json lists them"
                )
        return self


class TriggerConfig(Declared):
    """The content of ``config/triggers.yaml``."""

    endpoints: Mapping[Name, Endpoint] = {}
    pull: Pull = Pull()
    withdrawn_by: tuple[str, ...] = (
        "consent_withdrawn",
        "message_unsubscribed",
        "message_complained",
    )
    triggers: tuple[Trigger, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ids = [trigger.id for trigger in self.triggers]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"two triggers have the id {twice[0]}: give each its own")
        if PULL in self.endpoints:
            raise ValueError("an endpoint cannot be called pull: that means held for pulling")
        for trigger in self.triggers:
            if trigger.deliver_to not in (PULL, *self.endpoints):
                raise ValueError(
                    f"{trigger.id} delivers to {trigger.deliver_to!r}: declare it under endpoints, "
                    "or write pull"
                )
        if unknown := set(self.withdrawn_by) - set(vocabulary().types):
            raise ValueError(f"withdrawn_by names {min(unknown)!r}, which is no event type")
        return self


@dataclass(frozen=True)
class Situation:
    """A trigger that is enabled, its rules compiled and its families spelled out.

    Attributes:
        starts: the event types that start it.
        goals: the event types that reach its goal.
        ends: those, and the ones after which nobody is written to.
        where: holds of the events that count, over :data:`PROPERTY_COLUMNS`.
        becomes, rearms, when: over :data:`STATE_COLUMNS`.
    """

    trigger: Trigger
    starts: frozenset[str]
    goals: frozenset[str]
    ends: frozenset[str]
    where: Rule | None = None
    becomes: Rule | None = None
    rearms: Rule | None = None
    when: Rule | None = None

    @property
    def id(self) -> str:
        """The trigger's id."""
        return self.trigger.id


@dataclass(frozen=True)
class Triggers:
    """Everything declared, ready to run."""

    config: TriggerConfig
    situations: Mapping[str, Situation]

    def __bool__(self) -> bool:
        """Whether any trigger is enabled."""
        return bool(self.situations)


def load(folder: Path) -> Triggers:
    """What ``triggers.yaml`` of a configuration folder, or the shipped one, declares.

    Raises:
        InvalidInput: a field or rule is wrong; the message names the file and the part.
    """
    return compile_triggers(read_declared(folder, FILE_NAME, TriggerConfig))


def compile_triggers(config: TriggerConfig) -> Triggers:
    """``config`` with its rules compiled, those of disabled triggers too.

    Raises:
        InvalidInput: a rule is not of the language or names no known column.
    """
    found = {trigger.id: _compiled(trigger, config) for trigger in config.triggers}
    return Triggers(config, {name: one for name, one in found.items() if one.trigger.enabled})


def _compiled(trigger: Trigger, config: TriggerConfig) -> Situation:
    def rule(text: str | None, part: str, known: Mapping[str, Kind]) -> Rule | None:
        if text is None:
            return None
        return compile_rule(text, known, name=f"{trigger.id}.{part}", file=FILE_NAME)

    return Situation(
        trigger,
        starts=_types(trigger.events),
        goals=_types(trigger.goal),
        ends=_types(trigger.goal) | frozenset(config.withdrawn_by),
        where=rule(trigger.where, "where", _property_columns()),
        becomes=rule(trigger.becomes, "becomes", STATE_COLUMNS),
        rearms=rule(trigger.rearms, "rearms", STATE_COLUMNS),
        when=rule(trigger.when, "when", STATE_COLUMNS),
    )


def _types(names: tuple[str, ...]) -> frozenset[str]:
    types = vocabulary().types
    return frozenset(name for name, one in types.items() if name in names or one.family in names)


def _property_columns() -> dict[str, Kind]:
    kinds: dict[str, Kind] = {"string": "text", "number": "number", "strings": "list"}
    columns: dict[str, Kind] = {"type": "text", "channel": "text"}
    for one in vocabulary().types.values():
        columns |= {name: kinds[of] for name, of in one.properties.items() if of in kinds}
    return columns
