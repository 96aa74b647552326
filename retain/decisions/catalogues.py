"""The action catalogue: everything actions.yaml declares, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

from retain.columns import ACTION_RULES
from retain.configuration import read_yaml
from retain.decisions.actions import Action, ActionConfig, Formula
from retain.rules import Amount, Rule, compile_amount, compile_rule
from retain.vocabulary import vocabulary

_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


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

    @cached_property
    def followed(self) -> Mapping[str, timedelta]:
        """The actions that others follow, and for how long after their latest outcome."""
        longest: dict[str, float] = {}
        for each in (one for action in self.actions for one in action.follows):
            longest[each.action] = max(each.within_hours, longest.get(each.action, 0.0))
        return {action: timedelta(hours=hours) for action, hours in longest.items()}

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
