"""Logged decisions as a trial: what was chosen by chance, and what customers did afterwards."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Engine

from retain import labels
from retain.clock import to_micros
from retain.columns import Columns
from retain.configuration import read_declared
from retain.decisions import attribution
from retain.decisions.actions import ActionConfig
from retain.decisions.attribution import Attribution
from retain.features import consent
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.trees import Floats
from training import outcomes
from training.assignments import WINDOW_MICROS, Assignments
from training.exclusion import Exclusion
from training.policies.log import Codes, Mask, among_kept, shares_kept
from training.policies.trial import NOTHING, Trial

FeaturesAt = Callable[[pa.Table], Columns]
"""Read-time columns of (customer_id, as_of) keys, in their order."""

_ANONYMOUS = "anonymous:"


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions with their outcomes, and what the home declares of them.

    Attributes:
        table: of :func:`training.outcomes.read`.
        how: what is done with actions that were not carried out.
    """

    table: pa.Table
    how: Attribution = field(default_factory=Attribution)

    def not_carried_out(self) -> set[str]:
        """The ids of decisions that were not carried out."""
        undone = pc.and_(self.table.column("chosen"), pc.invert(self.table.column("carried_out")))
        return set(self.table.filter(undone).column("decision_id").to_pylist())


@dataclass(frozen=True, slots=True)
class Logged:
    """m decisions in time order, of customers whose answer is in.

    Attributes:
        moments: of each, in microseconds since the epoch.
        actions: what was chosen or could have been, without doing nothing.
        arm: 0 for nothing, else one more than the action's place, (m,).
        chance: probability of every arm, nothing first, (m, k + 1).
        responded: 1 for who ordered within the window after the decision, (m,).
        left_out: how many decisions were not learned from, by reason.
    """

    customers: NDArray[Any]
    moments: NDArray[np.int64]
    actions: tuple[str, ...]
    arm: Codes
    chance: Floats
    responded: Floats
    revenue: Floats
    columns: Columns
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.arm)

    def where(self, mask: Mask) -> "Logged":
        """Some of them."""
        return Logged(
            self.customers[mask],
            self.moments[mask],
            self.actions,
            self.arm[mask],
            self.chance[mask],
            self.responded[mask],
            self.revenue[mask],
            {name: one[mask] for name, one in self.columns.items()},
            self.left_out,
        )

    def randomised(self) -> "Logged":
        """Those in which chance decided between doing nothing and an action."""
        nothing = self.chance[:, 0]
        return self.where(np.asarray((nothing > 0.0) & (nothing < 1.0)))

    def treated(self) -> Assignments | None:
        """What was carried out, as campaigns that held nobody out; None where nothing was."""
        mask = self.arm > 0
        if not mask.any():
            return None
        codes, ones = self.arm[mask] - 1, np.ones(int(mask.sum()))
        return Assignments(
            self.customers[mask],
            self.moments[mask],
            self.actions,
            codes,
            np.unique(codes, return_inverse=True)[1],
            ones,
            self.responded[mask],
            self.revenue[mask],
            {name: one[mask] for name, one in self.columns.items()},
        ).where(ones > 0)

    def trial(self, features: tuple[ModelFeature, ...]) -> Trial:
        """Every action against nothing, with the chance the policy gave each."""
        return Trial(
            matrix=to_matrix(self.columns, features),
            features=features,
            actions=self.actions,
            arm=self.arm,
            outcome=self.responded,
            chance=self.chance,
            units=self.customers,
        )

    def sentence(self) -> str:
        """How many, and why the others are left out."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        said = f"{len(self):,} logged decisions whose {labels.RESPONSE_WINDOW_DAYS} days are over"
        return f"{said} (left out: {reasons})" if reasons else said


def read(engine: Engine, config: Path, as_of: datetime) -> Decisions:
    """The service's own decisions up to ``as_of``, and what became of them by then.

    Raises:
        InvalidInput: ``attribution.yaml`` or ``actions.yaml`` of the folder ``config`` is wrong.
        StoreUnavailable: the store did not answer.
    """
    how = attribution.load(config)
    catalogue = read_declared(config, "actions.yaml", ActionConfig)
    return Decisions(outcomes.read(engine, as_of, how, catalogue.reporting), how)


def of(
    decisions: Decisions,
    orders: pa.Table,
    features_at: FeaturesAt,
    as_of: datetime,
    *,
    exclusion: Exclusion | None = None,
    withdrawn: Collection[str] = (),
) -> Logged:
    """The decisions that can be learned from.

    What an action adds is learned from what every customer did within 14 days of the decision,
    whatever it is credited to: who was left alone is credited with nothing, so credit would make
    every action look useful.

    Args:
        decisions: with their outcomes.
        orders: as for :func:`retain.labels.outcomes`.
        features_at: asked for the moments just before the decisions.
        as_of: decisions whose 14 days were not over by then are left out.
        exclusion: customers nothing is learned from.
        withdrawn: customers who no longer consent to profiling.
    """
    table, left_out = decisions.table, Counter[str]()

    def keep(rows: pa.Table, mask: pa.Array, reason: str) -> pa.Table:
        kept = rows.filter(mask)
        left_out.update({reason: rows.num_rows - kept.num_rows})
        return kept

    asked = pc.and_(table.column("chosen"), table.column("reserved"))
    table = keep(table, asked, "previews or alternatives")
    over = pc.less_equal(table.column("as_of").cast(pa.int64()), to_micros(as_of) - WINDOW_MICROS)
    table = keep(table, over, "too recent")
    visitor = pc.starts_with(table.column("customer_id"), _ANONYMOUS)
    table = keep(table, pc.invert(visitor), "of visitors who are not known")
    kept_of: Mapping[str, float] = {}
    if decisions.how.not_carried_out == "excluded":
        kept_of = _carried_out(table)
        table = keep(table, table.column("carried_out"), "not carried out")
    kept = (exclusion or Exclusion()).kept(table)
    gone = pa.array(sorted(withdrawn), pa.string())
    kept = kept.filter(pc.invert(pc.is_in(kept.column("customer_id"), value_set=gone)))
    left_out.update({"of excluded customers": table.num_rows - kept.num_rows})
    kept = kept.sort_by([("as_of", "ascending"), ("decision_id", "ascending")])
    labelled = labels.responses(kept.select(["customer_id", "as_of"]), orders)
    moments = kept.column("as_of").cast(pa.int64())
    before = pc.subtract(moments, 1).cast(pa.timestamp("us", "UTC"))
    keys = pa.table({"customer_id": kept.column("customer_id"), "as_of": before})
    columns = features_at(keys)
    actions, arm, chance = _chances(kept)
    chance = among_kept(chance, np.array([kept_of.get(one, 1.0) for one in (NOTHING, *actions)]))
    found = Logged(
        np.array(kept.column("customer_id").to_pylist(), dtype=object),
        moments.to_numpy(),
        actions,
        arm,
        chance,
        labelled.column("responded").cast(pa.float64()).to_numpy(),
        labelled.column("net_revenue").cast(pa.float64()).to_numpy(),
        columns,
        {reason: count for reason, count in left_out.items() if count},
    )
    if "withdrawn_purposes" not in columns:
        return found
    consenting = consent.given(columns["withdrawn_purposes"])
    return found if consenting.all() else found.where(consenting)


def _carried_out(table: pa.Table) -> dict[str, float]:
    """The share of each action's decisions that were carried out."""
    names, chosen = np.unique(table.column("action_id").to_pylist(), return_inverse=True)
    kept = table.column("carried_out").to_numpy()
    return dict(zip(names.tolist(), shares_kept(chosen, kept, len(names)).tolist(), strict=True))


def _chances(table: pa.Table) -> tuple[tuple[str, ...], Codes, Floats]:
    """Actions, what was chosen of them, and the chance of each."""
    rows = table.select(
        ["action_id", "deterministic", "control_group", "candidates", "probabilities", "removed"]
    ).to_pylist()
    named = {name for row in rows for name in (row["action_id"], *row["candidates"])}
    named |= {row["removed"][0] for row in rows if row["removed"]}
    actions = tuple(sorted(named - {NOTHING}))
    place = {name: at for at, name in enumerate((NOTHING, *actions))}
    share = _held_out_share(table)
    chance = np.zeros((len(rows), len(place)))
    for at, row in enumerate(rows):
        if row["deterministic"] and share:
            _by_control_group(chance[at], row, place, share)
        else:
            for name, probability in zip(row["candidates"], row["probabilities"], strict=True):
                chance[at, place[name]] = probability
    arm = np.array([place[row["action_id"]] for row in rows], dtype=np.intp)
    # a receipt of an earlier version may not say the chance of what it chose
    missing = chance[np.arange(len(rows)), arm] <= 0.0
    chance[missing] = 0.0
    chance[missing, arm[missing]] = 1.0
    return actions, arm, chance


def _by_control_group(
    chance: Floats, row: Mapping[str, Any], place: Mapping[str, int], share: float
) -> None:
    """Who is in the control group, and not the policy, was left to chance."""
    would = row["removed"][0] if row["control_group"] and row["removed"] else row["action_id"]
    if row["control_group"] and row["action_id"] != NOTHING:
        chance[place[row["action_id"]]] = 1.0  # transactional: the group gets it as well
        return
    chance[0] += share
    chance[place[would]] += 1.0 - share


def _held_out_share(table: pa.Table) -> float:
    """The share of customers, of those decided for by a fixed rule, in the control group.

    Measured, as a campaign's is: the declared share may have changed while the log grew.
    """
    fixed = table.filter(table.column("deterministic"))
    if not fixed.num_rows:
        return 0.0
    held = fixed.filter(fixed.column("control_group")).column("customer_id")
    everybody = len(pc.unique(fixed.column("customer_id")))
    return len(pc.unique(held)) / everybody
