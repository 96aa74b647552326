"""Tuning: a seeded search for the trees' parameters, on folds in time, within a budget.

Every trial trains the head as it is trained otherwise, on cutoffs before a fold, and is judged
by the head's own metric on the fold: cutoffs are never mixed, and no fold reaches into the
holdout, which judges the head afterwards. The first trial is what the head has by itself, so that
a search that finds nothing changes nothing.

Source: J. Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011), as implemented by
T. Akiba et al., Optuna (2019).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np

from retain.clock import iso
from retain.errors import InvalidInput, NotEnoughData
from training.configuration import Budget
from training.cutoffs import Plan
from training.dataset import Dataset
from training.head import FittedHead

Train = Callable[[Dataset], FittedHead]
Told = Callable[[], None]
Parameters = Mapping[str, Any]

MOST_FOLDS = 2
MOST_ROWS = 60_000
# (low, high, what it is by itself): integers are drawn as integers, all on a logarithmic scale
SPACE: Mapping[str, tuple[float, float, float]] = {
    "num_leaves": (3, 24, 6),
    "learning_rate": (0.02, 0.15, 0.05),
    "feature_fraction": (0.15, 0.9, 0.35),
    "bagging_fraction": (0.4, 0.95, 0.7),
    "lambda_l2": (0.5, 200.0, 10.0),
    "min_data_in_leaf": (10, 400, 100),
}
_WHOLE = ("num_leaves", "min_data_in_leaf")


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched, and what was found.

    Attributes:
        trees: LightGBM parameters to train with; empty where the head's own were best.
        record: space, folds, trials and the best of them, for the manifest.
    """

    trees: Parameters
    record: dict[str, Any]


def search(train: Train, data: Dataset, budget: Budget, seed: int, told: Told) -> Search:
    """The best parameters for ``train`` within ``budget``; ``told`` is called after each trial.

    The same data, seed and number of trials give the same search; one that the minutes end may
    go on longer on a faster machine.

    Raises:
        NotEnoughData: the history is too short for a fold before the holdout.
    """
    optuna = library()
    folds = [_at(data, plan, seed) for plan in folds_of(data.plan, data.horizon_days)]
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: typical for name, (_, _, typical) in SPACE.items()})
    space = {name: _distribution(optuna, name) for name in SPACE}
    began, trials, ended_by = time.monotonic(), list[dict[str, Any]](), "trials"
    for number in range(budget.trials):
        if number and time.monotonic() - began > budget.minutes * 60:
            ended_by = "minutes"
            break
        trial = study.ask(space)
        # the first is the head as it is, also where that depends on the number of rows
        trees = dict(trial.params) if number else {}
        scores = [_score(train(replace(fold, trees=trees))) for fold in folds]
        study.tell(trial, float(np.mean(scores)))
        trials.append({"parameters": trees, "scores": scores, "mean": float(np.mean(scores))})
        told()
    best = max(range(len(trials)), key=lambda number: trials[number]["mean"])
    record = {
        "method": "tree-structured Parzen estimator",
        "seed": seed,
        "space": {name: [low, high] for name, (low, high, _) in SPACE.items()},
        "folds": [[iso(at) for at in fold.plan.holdout] for fold in folds],
        "rows": [len(fold.cutoffs) for fold in folds],
        "ended_by": ended_by,
        "trials": trials,
        "best": best,
    }
    return Search(trials[best]["parameters"], record)


def library() -> ModuleType:
    """Optuna, which is not part of every installation.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        import optuna  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "tuning needs Optuna, which is not installed",
            remedy="scripts/setup tuning, or pip install 'retain[tuning]'; or train without --tune",
            field="--tune",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    module: ModuleType = optuna
    return module


def folds_of(plan: Plan, horizon_days: int) -> list[Plan]:
    """The last cutoffs before the holdout's labels begin, each with the cutoffs before its own.

    Where the history allows it, no label window of a fit reaches into the fold's.

    Raises:
        NotEnoughData: there are too few cutoffs.
    """
    horizon = timedelta(days=horizon_days)
    found = []
    for fold in plan.refit[::-1]:
        known = tuple(at for at in plan.refit if at + horizon <= fold)
        known = known if len(known) > 1 else tuple(at for at in plan.refit if at < fold)
        if len(known) < 2:
            break
        validation = known[-1:]
        fit = tuple(at for at in known if at + horizon <= validation[0]) or known[:-1]
        found.append(
            Plan(
                fit,
                validation,
                known,
                (fold,),
                (*known, fold),
                "a fold of a search",
                plan.label_days,
            )
        )
        if len(found) == MOST_FOLDS:
            break
    if not found:
        raise NotEnoughData(
            f"a search needs three cutoffs before the holdout; there are {len(plan.refit)}",
            remedy="train without --tune, or with a longer history or a shorter --horizon-days",
        )
    return found


def describe(record: Mapping[str, Any]) -> str:
    """One sentence about a search."""
    trials, best = record["trials"], record["best"]
    own, found = trials[0]["mean"], trials[best]["mean"]
    outcome = (
        f"from {own:.4f} to {found:.4f}" if best else f"nothing better than {own:.4f} was found"
    )
    return (
        f"Tuned in {len(trials)} trials on {len(record['folds'])} folds before the holdout: "
        f"{outcome}."
    )


def _at(data: Dataset, plan: Plan, seed: int) -> Dataset:
    """The rows of a fold; of many, those of customers drawn once and for all cutoffs."""
    fold = data.where(data.at(plan.every))
    if len(fold.cutoffs) > MOST_ROWS:
        people, codes = np.unique(fold.customers, return_inverse=True)
        drawn = np.random.default_rng(seed).random(len(people)) < MOST_ROWS / len(fold.cutoffs)
        fold = fold.where(drawn[codes])
    return replace(fold, plan=plan)


def _score(head: FittedHead) -> float:
    return next(line.model.value for line in head.judgements if line.decisive)


def _distribution(optuna: ModuleType, name: str) -> Any:
    low, high, _ = SPACE[name]
    if name in _WHOLE:
        return optuna.distributions.IntDistribution(int(low), int(high), log=True)
    return optuna.distributions.FloatDistribution(low, high, log=True)
