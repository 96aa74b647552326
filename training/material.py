"""What the response head learns from: campaigns with a hold-out, and decisions left to chance."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from training.assignments import Assignments
from training.logged import Logged
from training.policies.log import Mask
from training.policies.trial import Trial
from training.selection import choose


@dataclass(frozen=True, slots=True)
class Material:
    """Randomised rows in time order, from campaigns and from the log of decisions.

    Attributes:
        moments: of each, in microseconds since the epoch.
        campaigns, decisions: how many are from where.
    """

    trial: Trial
    moments: NDArray[np.int64]
    campaigns: int
    decisions: int

    def __len__(self) -> int:
        return len(self.trial)

    def where(self, mask: Mask) -> Trial:
        """Some of the rows."""
        return self.trial.where(mask)

    def sentence(self) -> str:
        """Where the rows are from."""
        parts = [
            f"{count:,} {what}"
            for count, what in (
                (self.campaigns, "assignments to campaigns"),
                (self.decisions, "logged decisions"),
            )
            if count
        ]
        return f"Learned from {' and '.join(parts)}, of {', '.join(self.trial.actions)}."


def gathered(given: Assignments | None, logged: Logged | None) -> Material | None:
    """The randomised rows of both, with the actions of both; None where there are none."""
    campaigns = None if given is None else given.randomised()
    decisions = None if logged is None else logged.randomised()
    if decisions is None or not len(decisions):
        if campaigns is None or not len(campaigns):
            return None
        trial = campaigns.trial(choose(campaigns.columns))
        return Material(trial, campaigns.moments, len(campaigns), 0)
    if campaigns is None or not len(campaigns):
        features = choose(decisions.columns)
        trial, moments = decisions.trial(features), decisions.moments
    else:
        features = choose(_columns(campaigns.columns, decisions.columns))
        trial = _joined(campaigns.trial(features), decisions.trial(features))
        moments = np.concatenate([campaigns.moments, decisions.moments])
    order = np.argsort(moments, kind="stable")
    rows, kept = _with_both_arms(trial.where(order))
    assigned = 0 if campaigns is None else len(campaigns)
    return Material(rows, moments[order][kept], assigned, len(rows) - assigned)


def _with_both_arms(trial: Trial) -> tuple[Trial, Mask]:
    """Without actions that nobody got: their columns would say nothing."""
    used = np.array(
        [bool((trial.arm == at + 1).any()) for at in range(len(trial.actions))], dtype=bool
    )
    if used.all():
        return trial, np.ones(len(trial), dtype=bool)
    number = np.concatenate([[0], np.where(used, np.cumsum(used), 0)])
    chance = trial.chance[:, np.concatenate([[True], used])]
    kept = np.asarray(chance[:, 1:].sum(axis=1) > 0.0)
    actions = tuple(name for name, one in zip(trial.actions, used, strict=True) if one)
    rows = replace(trial, actions=actions, arm=number[trial.arm].astype(np.intp), chance=chance)
    return rows.where(kept), kept


def _columns(first: Columns, second: Columns) -> Columns:
    return {name: np.concatenate([one, second[name]]) for name, one in first.items()}


def _joined(first: Trial, second: Trial) -> Trial:
    actions = tuple(sorted({*first.actions, *second.actions}))
    parts = [_among(one, actions) for one in (first, second)]
    return replace(
        first,
        matrix=np.vstack([one.matrix for one in parts]),
        actions=actions,
        arm=np.concatenate([one.arm for one in parts]),
        outcome=np.concatenate([one.outcome for one in parts]),
        chance=np.vstack([one.chance for one in parts]),
        units=np.concatenate([one.units for one in parts]),
    )


def _among(trial: Trial, actions: tuple[str, ...]) -> Trial:
    """The same rows among more actions."""
    places = np.array([0, *(1 + actions.index(name) for name in trial.actions)], dtype=np.intp)
    chance = np.zeros((len(trial), len(actions) + 1))
    chance[:, places] = trial.chance
    return replace(trial, actions=actions, arm=places[trial.arm], chance=chance)
