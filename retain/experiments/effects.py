"""What assignments come to for the actions of the catalogue: arrays a ranking is changed by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retain.decisions.actions import Action, Catalogue
from retain.experiments.assignment import Assignments
from retain.experiments.change import Change, together

EXPERIMENT = "experiment"
"""The rule a receipt names where an arm excludes an action."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What the arms of n customers change about a actions.

    Attributes:
        lever: (n, a) factors on the expected value.
        excluded: (n, a) whether the action is not offered.
        treatment: (n, a) place of the treatment to give it with, -1 where the arms leave that.
        policies: of each customer, the policy their arm names, or None.
    """

    lever: NDArray[np.float64]
    excluded: NDArray[np.bool_]
    treatment: NDArray[np.intp]
    policies: tuple[str | None, ...]


def effects(assigned: Sequence[Assignments], catalogue: Catalogue) -> Effects | None:
    """What ``assigned`` changes; None where no arm of anybody changes anything."""
    changes = [
        together([one.change for one in arms]) if arms else _NOTHING_CHANGED for arms in assigned
    ]
    if all(change == _NOTHING_CHANGED for change in changes):
        return None
    rows, columns = len(changes), len(catalogue.actions)
    lever = np.ones((rows, columns))
    excluded = np.zeros((rows, columns), dtype=np.bool_)
    treatment = np.full((rows, columns), -1, dtype=np.intp)
    of_change: dict[str, list[int]] = {}
    for row, change in enumerate(changes):
        if change != _NOTHING_CHANGED:
            of_change.setdefault(change.model_dump_json(), []).append(row)
    for rows_alike in of_change.values():
        change = changes[rows_alike[0]]
        for place, action in enumerate(catalogue.actions):
            lever[rows_alike, place] = _lever(change, action)
            excluded[rows_alike, place] = _is_excluded(change, action)
            treatment[rows_alike, place] = _treatment(change, action)
    return Effects(lever, excluded, treatment, tuple(change.policy for change in changes))


def _lever(change: Change, action: Action) -> float:
    lever = change.levers.get(action.id, 1.0)
    for tag in action.tags:
        lever *= change.tag_levers.get(tag, 1.0)
    return lever


def _is_excluded(change: Change, action: Action) -> bool:
    if action.channel == "none":
        return False
    if change.nothing and not action.transactional:
        return True
    return action.id in change.exclude_actions or not set(change.exclude_tags).isdisjoint(
        action.tags
    )


def _treatment(change: Change, action: Action) -> int:
    wanted = change.treatments.get(action.id)
    names = [treatment.name for treatment in action.treatments]
    return -1 if wanted is None else names.index(wanted)


_NOTHING_CHANGED = Change()
