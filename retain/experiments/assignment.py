"""Who is in which arm: computed, not stored, and the same in every process.

A customer has one place in each layer, and an experiment takes those whose place lies within its
traffic: experiments of one layer exclude each other, and layers are independent because each
has a salt of its own (Tang, Agarwal, O'Brien and Meyer 2010, Overlapping Experiment
Infrastructure). The arm is a second place, salted by the experiment, so that who takes over a
layer's traffic does not inherit the arms of who had it before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from retain.bucketing import place
from retain.clock import iso
from retain.columns import Columns
from retain.experiments.change import Change
from retain.experiments.declaration import Experiment
from retain.experiments.loading import Experiments
from retain.experiments.shares import Shares

SharesAt = Callable[[str, datetime], Shares | None]
Assignments = tuple["Assignment", ...]
NOBODYS: Assignments = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """One customer's arm in one experiment.

    Attributes:
        share: the probability the arm was assigned with.
        since: of a bandit, when the shares in force began to hold; None before the first shift.
        change: what the arm does differently.
    """

    experiment: str
    layer: str
    arm: str
    share: float
    change: Change
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """As receipts keep it; ``since`` only of a bandit whose shares have shifted."""
        entry = {
            "experiment": self.experiment,
            "arm": self.arm,
            "layer": self.layer,
            "share": self.share,
        }
        return entry if self.since is None else {**entry, "since": iso(self.since)}


class Assigner:
    """Assigns customers to the arms of the experiments that run."""

    def __init__(self, experiments: Experiments, shares_at: SharesAt | None = None) -> None:
        self._experiments = [
            one
            for one in experiments.config.experiments
            if one.status == "running" and one.assigned == "here"
        ]
        self._eligible = experiments.eligible
        self._shares_at = shares_at
        self._fixed = {
            one.name: [_one_arm(one, cell.name, cell.share) for cell in one.cells]
            for one in self._experiments
        }

    @property
    def assigns(self) -> bool:
        """Whether any experiment runs at all, now or later."""
        return bool(self._experiments)

    @property
    def changes(self) -> dict[tuple[str, str], Change]:
        """What each arm of each running experiment changes, by their names."""
        return {
            (one.name, cell.name): cell.change for one in self._experiments for cell in one.cells
        }

    def assign(
        self, columns: Columns, customer_ids: Sequence[str], now: datetime
    ) -> list[Assignments]:
        """The arms of each of n customers at ``now``, in the order the experiments are declared.

        Args:
            columns: n rows of what rules read (:data:`retain.columns.ACTION_RULES`).
            customer_ids: the n customers: of who was merged, the surviving id.
            now: the moment of the decision, UTC.
        """
        found: list[Assignments] = [NOBODYS] * len(customer_ids)
        for experiment in self._experiments:
            if experiment.runs_at(now):
                for row, assignment in self._assigned(experiment, columns, customer_ids, now):
                    found[row] = (*found[row], assignment)
        return found

    def _assigned(
        self, experiment: Experiment, columns: Columns, customer_ids: Sequence[str], now: datetime
    ) -> list[tuple[int, Assignment]]:
        low, high = experiment.traffic
        salt = f"layer:{experiment.layer}"
        within = [row for row, one in enumerate(customer_ids) if low <= place(salt, one) < high]
        if not within:
            return []
        rule = self._eligible[experiment.name]
        if rule.columns or rule.text != "True":
            held = rule.evaluate(columns, len(customer_ids))
            within = [row for row in within if held[row]]
        arms, salt = self._arms(experiment, now)
        ends = list(accumulate(arm.share for arm in arms[:-1]))
        return [
            (row, arms[sum(end <= place(salt, customer_ids[row]) for end in ends)])
            for row in within
        ]

    def _arms(self, experiment: Experiment, now: datetime) -> tuple[list[Assignment], str]:
        """The arms with the shares in force, and the salt customers are placed by.

        Shifted shares place everybody anew: were the places kept, who decided the shift would
        also decide who is in which arm after it, and the share would no longer be the probability.
        """
        salt = f"experiment:{experiment.name}"
        shares = None
        if experiment.bandit is not None and self._shares_at is not None:
            shares = self._shares_at(experiment.name, now)
        if shares is None:
            return self._fixed[experiment.name], salt
        arms = [
            _one_arm(experiment, cell.name, shares.of[cell.name], shares.since)
            for cell in experiment.cells
        ]
        return arms, f"{salt}:{iso(shares.since)}"


def _one_arm(
    experiment: Experiment, name: str, share: float, since: datetime | None = None
) -> Assignment:
    change = next(cell.change for cell in experiment.cells if cell.name == name)
    return Assignment(experiment.name, experiment.layer, name, share, change, since)
