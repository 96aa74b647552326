"""Response: what an action adds, learned from campaigns with a randomised hold-out."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retain import labels
from retain.clock import MICROSECONDS_PER_DAY, to_micros
from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.features import consent
from retain.features.ageing import aged
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.response import assigned
from retain.predictors.trees import Floats, Trees
from training import boosting, calibration, uplift
from training.boosting import Boosted, Rows
from training.bootstrap import Bootstrap
from training.dataset import FeatureSource, Mask
from training.enough import FEWEST_OF_EACH, demand
from training.exclusion import Exclusion
from training.head import FittedHead, Judgement
from training.metrics import AUC, CALIBRATION_ERROR
from training.selection import choose

FEWEST_ASSIGNMENTS = 1_000
STATEMENT = (
    "Assignments in time order: fitted on the first 55 %, stopped on the next 20 %, judged on "
    "the last 25 %, with 14 days left out between them; the registered model was fitted again "
    "on all of them with the chosen rounds."
)
_VALIDATION_FROM = 0.55
_HOLDOUT_FROM = 0.75
_WINDOW_MICROS = labels.RESPONSE_WINDOW_DAYS * MICROSECONDS_PER_DAY
_PARAMETERS = {"num_leaves": 8, "feature_fraction": 0.7, "learning_rate": 0.04}


@dataclass(frozen=True, slots=True)
class Assignments:
    """m customers of campaigns, in time order, as they were just before each assignment."""

    customers: NDArray[Any]
    moments: NDArray[np.int64]
    actions: tuple[str, ...]
    codes: NDArray[np.intp]
    treated: Floats
    responded: Floats
    columns: Columns

    def chance(self) -> Floats:
        """The share of each action's customers that was treated, (m,)."""
        treated = np.bincount(self.codes, self.treated, len(self.actions))
        return np.asarray(treated / np.bincount(self.codes, minlength=len(self.actions)))[
            self.codes
        ]


def read(
    source: FeatureSource,
    as_of: datetime,
    exclusion: Exclusion | None = None,
    withdrawn: Collection[str] = (),
) -> Assignments:
    """Assignments whose 14 days were over at ``as_of``, without the excluded customers.

    ``withdrawn`` no longer consent to profiling: they are left out as well, and so is who had
    not consented when they were assigned.

    Raises:
        NotEnoughData: there are too few, or none of a campaign had a hold-out.
    """
    table = (exclusion or Exclusion()).kept(source.assignments())
    left_out = pa.array(sorted(withdrawn), pa.string())
    table = table.filter(pc.invert(pc.is_in(table.column("customer_id"), value_set=left_out)))
    ended = pc.less_equal(table.column("as_of").cast(pa.int64()), to_micros(as_of) - _WINDOW_MICROS)
    table = table.filter(ended).sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
    if table.num_rows < FEWEST_ASSIGNMENTS:
        raise NotEnoughData(
            f"response needs {FEWEST_ASSIGNMENTS} assignments to campaigns with a hold-out; "
            f"there are {table.num_rows}",
            remedy="record experiment_viewed for treated and held-out customers alike",
        )
    labelled = labels.responses(table, source.orders())
    moments = labelled.column("as_of").cast(pa.int64())
    # just before: the message itself goes out at the moment of assignment
    before = pc.subtract(moments, 1).cast(pa.timestamp("us", "UTC"))
    keys = pa.table({"customer_id": labelled.column("customer_id"), "as_of": before})
    columns: Columns = aged(source.features_at(keys))
    consenting = consent.given(columns["withdrawn_purposes"])
    labelled, columns = _where(labelled, columns, consenting)
    moments = moments.filter(pa.array(consenting))
    actions = labelled.column("action_id").to_pylist()
    known = tuple(sorted(set(actions)))
    return Assignments(
        customers=np.array(labelled.column("customer_id").to_pylist(), dtype=object),
        moments=moments.to_numpy(),
        actions=known,
        codes=np.array([known.index(action) for action in actions], dtype=np.intp),
        treated=labelled.column("treated").cast(pa.float64()).to_numpy(),
        responded=labelled.column("responded").cast(pa.float64()).to_numpy(),
        columns=columns,
    )


def _where(rows: pa.Table, columns: Columns, mask: NDArray[np.bool_]) -> tuple[pa.Table, Columns]:
    if mask.all():
        return rows, columns
    return rows.filter(pa.array(mask)), {name: one[mask] for name, one in columns.items()}


def train(given: Assignments, seed: int) -> FittedHead:
    """Fit on early assignments, stop on later ones, judge on the last quarter.

    Raises:
        NotEnoughData: too few were treated, held out, or ordered.
    """
    demand("response", given.treated, "treated customers", "held-out customers")
    demand("response", given.responded, "customers who ordered", "customers who did not")
    features = choose(given.columns)
    matrix = to_matrix(given.columns, features)
    wide = assigned(matrix, given.codes, len(given.actions), given.treated)
    inputs = (*features, *(ModelFeature(name=f"action_{at}") for at in range(len(given.actions))))
    inputs = (*inputs, ModelFeature(name="treated"))
    fit, validation, refit, holdout = _split(given.moments)

    def rows(mask: Mask) -> Rows:
        return Rows.of(wide[mask], given.responded[mask])

    chosen = boosting.fit_stopping_early(
        "binary", rows(fit), rows(validation), inputs, seed,
        metric="binary_logloss", parameters=_PARAMETERS,
    )  # fmt: skip
    early = Trees(chosen.text).raw(wide[validation])
    calibrator = calibration.platt(early, given.responded[validation])

    def again(mask: Mask) -> Boosted:
        return boosting.fit(
            "binary", rows(mask), inputs, seed, rounds=chosen.rounds, parameters=_PARAMETERS
        )

    trees = Trees(again(refit).text)
    arms = [
        calibrator.probability(
            trees.raw(assigned(matrix[holdout], given.codes[holdout], len(given.actions), arm))
        )
        for arm in (1.0, 0.0)
    ]
    judgements = _judge(given, holdout, arms[0], arms[1], seed)
    final = again(np.ones(len(matrix), dtype=bool))
    late = trees.raw(wide[holdout])
    served = calibration.platt(
        np.concatenate([early, late]),
        np.concatenate([given.responded[validation], given.responded[holdout]]),
    )
    return FittedHead(
        head="response",
        label=f"an order within {labels.RESPONSE_WINDOW_DAYS} days of a campaign's assignment",
        population="customers of campaigns with a randomised hold-out, as they were just before",
        features=features,
        rows=len(matrix),
        files={
            "model.txt": final.text,
            "calibration.json": json.dumps(served.to_json(), indent=1),
        },
        parameters={
            "action_ids": list(given.actions),
            "window_days": labels.RESPONSE_WINDOW_DAYS,
            "rounds": final.rounds,
            "mean_effect": _mean_effects(given),
        },
        judgements=judgements,
        notes=(f"Learned from {len(matrix):,} assignments to {', '.join(given.actions)}.",),
    )


def _split(moments: NDArray[np.int64]) -> tuple[Mask, Mask, Mask, Mask]:
    """Fit, validation, refit, holdout; no label of a fit reaches into what it is judged on."""
    validation_at, holdout_at = np.quantile(moments, [_VALIDATION_FROM, _HOLDOUT_FROM])
    fit = moments < validation_at - _WINDOW_MICROS
    validation = (moments >= validation_at) & (moments < holdout_at - _WINDOW_MICROS)
    holdout = moments >= holdout_at
    if min(fit.sum(), validation.sum(), holdout.sum()) < FEWEST_OF_EACH:
        raise NotEnoughData(
            "the campaigns lie too close together in time to judge a response model",
            remedy="train again once campaigns of at least two months are recorded",
        )
    return fit, validation, moments < holdout_at - _WINDOW_MICROS, holdout


def _mean_effects(given: Assignments) -> dict[str, float]:
    """Treated less held-out response rate of every action."""
    found = {}
    for code, action in enumerate(given.actions):
        of = given.codes == code
        rates = [given.responded[of & (given.treated == arm)] for arm in (1.0, 0.0)]
        if min(len(rate) for rate in rates):
            found[action] = float(rates[0].mean() - rates[1].mean())
    return found


def _judge(
    given: Assignments, holdout: Mask, treated: Floats, control: Floats, seed: int
) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(given.customers[holdout], seed)
    arm, responded = given.treated[holdout], given.responded[holdout]
    chance = np.clip(given.chance()[holdout], 0.01, 0.99)
    seen = np.where(arm > 0, treated, control)
    effect = uplift.transformed(responded, arm, chance, chance * control + (1 - chance) * treated)
    score = treated - control
    qini = bootstrap.paired(lambda weight: uplift.qini(effect, score, weight), lambda _: 0.0)
    targeted = bootstrap.paired(
        lambda weight: uplift.among_targeted(effect, score, weight),
        lambda weight: float(np.average(effect, weights=weight)),
    )
    return (
        Judgement.against("qini", "random", qini, decisive=True),
        Judgement.against("uplift_top_30pct", "send_to_all", targeted),
        Judgement("auc", bootstrap.measured(AUC, responded, seen)),
        Judgement("calibration_error", bootstrap.measured(CALIBRATION_ERROR, responded, seen)),
    )
