"""The catalogue as an arm has it, and the ranker that decides by it.

An arm changes what is declared, not how it is ranked: whatever a receipt says about a decision
(levers, treatments, what removed an action, chances) then holds for an arm as for everybody.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from retain.columns import ACTION_RULES, Columns
from retain.decisions.actions import Action, NamedRule
from retain.decisions.catalogues import Catalogue
from retain.decisions.ranking import Ranker
from retain.experiments.assignment import NOBODYS, Assigner, Assignments
from retain.experiments.change import Change, together
from retain.rules import compile_rule

EXPERIMENT_ARM = "experiment_arm"
"""The rule a receipt names where an arm does not offer an action."""


def catalogue_of(change: Change, catalogue: Catalogue) -> Catalogue:
    """``catalogue`` as an arm with this ``change`` has it; its formulas stay compiled."""
    says = NamedRule(when=False, says="the arm of an experiment does not offer it")
    config = catalogue.config.model_copy(
        update={
            "actions": tuple(_changed(action, change) for action in catalogue.actions),
            "rules": {**catalogue.config.rules, EXPERIMENT_ARM: says},
            **({} if change.policy is None else {"exploration": change.policy}),
        }
    )
    rule = compile_rule(False, ACTION_RULES, name=EXPERIMENT_ARM, file="experiments.yaml")
    return replace(catalogue, config=config, rules={**catalogue.rules, EXPERIMENT_ARM: rule})


class Arms:
    """Who is in which arm, and the ranker that decides for them.

    Args:
        ranker: of the catalogue as it is declared.
        again: makes a ranker of another catalogue, otherwise the same.
        assigner: says who is in which arm; without one nobody is in any.
    """

    def __init__(
        self,
        ranker: Ranker,
        again: Callable[[Catalogue], Ranker],
        assigner: Assigner | None = None,
    ) -> None:
        self._ranker = ranker
        self._again = again
        self._assigner = assigner if assigner and assigner.assigns else None
        self._of_change: dict[str, Ranker] = {Change().model_dump_json(): ranker}
        self._of_arms: dict[tuple[tuple[str, str], ...], Ranker] = {}
        # combinations of layers are made when they are met; single arms before the first request
        self._changes = self._assigner.changes if self._assigner else {}
        for change in self._changes.values():
            self._made(change)

    def of(
        self, columns: Columns, customer_ids: Sequence[str], now: datetime
    ) -> list[tuple[Ranker, Assignments]]:
        """The ranker and the arms of each of n customers; see :meth:`Assigner.assign`."""
        if self._assigner is None:
            return [self.nobodys] * len(customer_ids)
        assigned = self._assigner.assign(columns, customer_ids, now)
        return [(self._decider(arms), arms) if arms else self.nobodys for arms in assigned]

    @property
    def nobodys(self) -> tuple[Ranker, Assignments]:
        """The ranker of who is in no experiment."""
        return self._ranker, NOBODYS

    def ranker_of(self, arms: Sequence[tuple[str, str]]) -> Ranker:
        """The ranker of who is in these arms of these experiments, in the declared order.

        Raises:
            KeyError: there is no such arm.
        """
        if not arms:
            return self._ranker
        key = tuple(arms)
        found = self._of_arms.get(key)
        if found is None:
            changes = [self._changes[arm] for arm in arms]
            found = self._of_arms[key] = self._made(together(changes))
        return found

    def _decider(self, arms: Assignments) -> Ranker:
        return self.ranker_of([(one.experiment, one.arm) for one in arms])

    def _made(self, change: Change) -> Ranker:
        key = change.model_dump_json()
        if key not in self._of_change:
            self._of_change[key] = self._again(catalogue_of(change, self._ranker.catalogue))
        return self._of_change[key]


def _changed(action: Action, change: Change) -> Action:
    update: dict[str, Any] = {}
    lever = change.levers.get(action.id, 1.0)
    for tag in action.tags:
        lever *= change.tag_levers.get(tag, 1.0)
    if lever != 1.0:
        update["lever"] = action.lever * lever
    if (wanted := change.treatments.get(action.id)) is not None:
        update["treatments"] = tuple(one for one in action.treatments if one.name == wanted)
    if _is_excluded(action, change):
        update["eligibility"] = (EXPERIMENT_ARM, *action.eligibility)
    return action.model_copy(update=update) if update else action


def _is_excluded(action: Action, change: Change) -> bool:
    if action.channel == "none":
        return False
    if change.nothing and not action.transactional:
        return True
    return action.id in change.exclude_actions or not set(change.exclude_tags).isdisjoint(
        action.tags
    )
