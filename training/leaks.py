"""Leakage checks: a feature that knows the future ends the run before anything is registered.

Source of the kinds: S. Kaufman, S. Rosset, C. Perlich, "Leakage in Data Mining: Formulation,
Detection, and Avoidance" (KDD 2011).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from retain.clock import from_micros
from retain.errors import Leakage
from retain.quality.event_source import Source
from training import late_events, recomputing, single_features
from training.baselines import BLEND
from training.dataset import Dataset
from training.fitting import FittedRun
from training.holdout import Peers
from training.metrics import AUC, measure
from training.overlaps import duplicated, overlapping

HIGH_AUC = 0.9
HIGH_ATTRIBUTE_AUC = 0.75
ABOVE_THE_BLEND = 0.05
CERTAIN_AUC = 0.99
MOST_ROWS = 50_000
MOST_LATE = 0.01
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        passed: None where it is worth a look and no proof of a leak.
    """

    name: str
    passed: bool | None
    sentence: str

    @property
    def line(self) -> str:
        """For a written evaluation."""
        word = {True: "passed", False: "FAILED", None: "look"}[self.passed]
        return f"Leakage check {self.name}: {word}. {self.sentence}"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"name": self.name, "passed": self.passed, "sentence": self.sentence}


def examine(
    run: FittedRun, events: Source, peers: Peers, trusted: Collection[str] = ()
) -> tuple[Check, ...]:
    """Every check over what a run was fitted on; all are made before one of them fails it.

    ``peers`` is what the baselines say of the holdout, by head; ``trusted`` features may tell who
    leaves as well as they do.

    Raises:
        Leakage: one found what only the future could have told.
    """
    peer = _blend_auc(run, peers)
    checks = (
        _single_features(run.leavers, peer, trusted),
        _whole_models(run, peer),
        _truncated(run, events),
        _late(run, events),
        _windows(run),
        _duplicates(run),
    )
    failed = [one.sentence for one in checks if one.passed is False]
    if failed:
        raise Leakage(
            " ".join(failed),
            remedy="leave the feature out, or make it from events up to the moment of scoring; "
            "then train again. Nothing was registered",
        )
    return checks


def _blend_auc(run: FittedRun, peers: Peers) -> float:
    """AUC of the blend on the holdout; NaN where there was too little to fit it on."""
    blend = peers.get("churn", {}).get(BLEND)
    if blend is None or blend.leaves is None:
        return float("nan")
    held = run.leavers.at(run.leavers.plan.holdout)
    return measure(AUC, run.leavers.churned[held], blend.leaves)


def _single_features(data: Dataset, peer: float, trusted: Collection[str]) -> Check:
    alone = single_features.aucs(_sampled(data))
    aucs = {name: one.auc for name, one in alone.items()}
    ranked = sorted(aucs, key=lambda name: -alone[name].surely)
    above = [name for name in ranked if alone[name].surely >= limit_of(name, peer)]
    found = [name for name in above if name not in trusted]
    if found:
        return Check(
            "single_feature",
            False,
            "Alone, a feature tells who leaves better than a model of the past can: "
            f"{_told(found, aucs, peer)}. If it was known at each cutoff and is right, name it "
            "under `leakage: trusted` in training.yaml.",
        )
    if above:
        return Check(
            "single_feature",
            None,
            "training.yaml trusts features that tell who leaves better than a model of the past "
            f"can: {_told(above, aucs, peer)}.",
        )
    best = ranked[0] if ranked else "none"
    return Check(
        "single_feature",
        True,
        f"No feature alone tells who leaves suspiciously well: the best of {len(aucs)} is {best} "
        f"with AUC {aucs.get(best, 0.5):.3f}; the limit is {limit_of(best, peer):.3f}.",
    )


def limit_of(name: str, peer: float) -> float:
    """The AUC from which one feature alone is a leak; ``peer`` is the blend's, NaN without one.

    What a customer did may tell a lot; an attribute of the profile that tells more than the whole
    of their orders was most likely written by who knew the outcome.
    """
    attribute = name in single_features.ATTRIBUTES
    if not np.isfinite(peer):
        return HIGH_AUC if attribute else CERTAIN_AUC
    return max(HIGH_ATTRIBUTE_AUC if attribute else HIGH_AUC, peer + ABOVE_THE_BLEND)


def _told(names: Sequence[str], aucs: Mapping[str, float], peer: float) -> str:
    return ", ".join(
        f"{name} (AUC {aucs[name]:.3f}, the limit is {limit_of(name, peer):.3f})"
        for name in names[:_NAMED]
    )


def _whole_models(run: FittedRun, peer: float) -> Check:
    """A head far above the blend is looked at; only an almost perfect one is a proof."""
    churn = next((head for head in run.heads if head.head == "churn"), None)
    auc = churn.metrics["auc"].value if churn and "auc" in churn.metrics else float("nan")
    if not np.isfinite(auc) or not np.isfinite(peer):
        return Check("far_above_the_blend", None, "There is no blend to compare the head with.")
    sentence = f"The churn head has AUC {auc:.3f} on its holdout, the blend {peer:.3f}."
    if auc >= CERTAIN_AUC and auc >= peer + ABOVE_THE_BLEND:
        return Check("far_above_the_blend", False, f"{sentence} No history tells that much.")
    if auc >= peer + 2 * ABOVE_THE_BLEND:
        return Check("far_above_the_blend", None, f"{sentence} Look for what it knows.")
    return Check("far_above_the_blend", True, sentence)


def _truncated(run: FittedRun, events: Source) -> Check:
    data = run.data
    moment = from_micros(int(data.cutoffs.max()))
    compared = recomputing.compare(data, moment, events)
    if compared is None:
        return Check("truncated_log", None, "The log cannot be read again, so nothing is compared.")
    if compared.moved:
        named = ", ".join(
            f"{name} (of {count} customers)" for name, count in compared.moved[:_NAMED]
        )
        return Check(
            "truncated_log",
            False,
            f"Computed from the log up to {moment:%Y-%m-%d} alone, features are others than those "
            f"trained on: {named}, of {compared.customers:,} compared.",
        )
    return Check(
        "truncated_log",
        True,
        f"{compared.features} features of {compared.customers:,} customers at "
        f"{moment:%Y-%m-%d} are the same when everything after it is taken away.",
    )


def _late(run: FittedRun, events: Source) -> Check:
    """Events that became known after the cutoff whose features have them; worth a look only."""
    name, moment = "late_events", from_micros(int(run.data.cutoffs.max()))
    late = late_events.look(events, moment)
    if late.imported:
        return Check(
            name,
            None,
            "The log was imported after its cutoffs: when its events became known is not "
            "recorded, so one that was written down afterwards cannot be told.",
        )
    if late.late > MOST_LATE * late.events:
        kinds = ", ".join(late.types[:_NAMED])
        return Check(
            name,
            None,
            f"{late.late:,} of {late.events:,} events of the 90 days before {moment:%Y-%m-%d} were "
            f"received more than a day after it ({kinds}; {late.customers:,} customers): features "
            "have what nobody knew then. Look whether they were written down because of what "
            "came.",
        )
    return Check(
        name,
        True,
        f"Of {late.events:,} events of the 90 days before {moment:%Y-%m-%d}, {late.late:,} were "
        "received more than a day after it.",
    )


def _windows(run: FittedRun) -> Check:
    plan, horizon = run.data.plan, timedelta(days=run.data.horizon_days)
    beyond = [at for at in plan.every if at + horizon > run.as_of]
    if beyond:
        named = ", ".join(f"{at:%Y-%m-%d}" for at in beyond)
        return Check(
            "label_windows", False, f"Labels of {named} reach beyond the moment of training."
        )
    shared = overlapping(plan.refit, plan.holdout, run.data.horizon_days)
    if shared:
        return Check(
            "label_windows",
            None,
            f"Label windows of {len(shared)} fitted cutoffs reach into the holdout's: the history "
            "is too short to keep them apart, so the numbers are somewhat too good.",
        )
    return Check(
        "label_windows",
        True,
        "Every label window of a fit ends before the first holdout cutoff, and every label by "
        "the moment of training.",
    )


def _duplicates(run: FittedRun) -> Check:
    found = duplicated(run.leavers)
    if found.keys or found.rows:
        return Check(
            "duplicates",
            False,
            f"{found.keys:,} rows stand twice (one customer at one cutoff), and {found.rows:,} "
            "holdout rows repeat a fitted row of the same customer, value for value.",
        )
    return Check(
        "duplicates",
        True,
        "No row stands twice, and no holdout row repeats a fitted row of the same customer.",
    )


def _sampled(data: Dataset) -> Dataset:
    if len(data.cutoffs) <= MOST_ROWS:
        return data
    kept = np.zeros(len(data.cutoffs), dtype=bool)
    drawn = np.random.default_rng(data.seed).choice(len(kept), MOST_ROWS, replace=False)
    kept[drawn] = True
    return data.where(kept)
