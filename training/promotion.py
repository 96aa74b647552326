"""Promotion: who may become champion, and what the ledger is told."""

from typing import Any

from retain.errors import Conflict
from retain.ledger import Entry, Ledger
from retain.manifest import Manifest


def eligible(model: Manifest) -> bool:
    """Whether nobody has to force it: it beats its dumb rule, or predicts nothing."""
    return model.beats_baseline or model.head == "rfm"


def worse(model: Manifest) -> bool:
    """Whether its rules rank better than it does in every comparison, beyond chance."""
    differences = [d for name, d in model.baselines.items() if name.startswith("difference.")]
    return bool(differences) and all(difference.high < 0 for difference in differences)


def standing(model: Manifest) -> str:
    """Where a model stands that is no champion, and what would make it one."""
    how = f'retain models promote {model.name} --reason "…"'
    if eligible(model):
        return f"which is above its baseline: {how}"
    place = "below" if worse(model) else "not above"
    return f"which is {place} its baseline on the holdout: {how} --force"


def evidence(model: Manifest, *, forced: bool) -> dict[str, Any]:
    """What the ledger keeps beside the decision."""
    return {
        "metrics": {name: metric.model_dump() for name, metric in model.metrics.items()},
        "baselines": {name: metric.model_dump() for name, metric in model.baselines.items()},
        "beats_baseline": model.beats_baseline,
        "forced": forced,
    }


def promote(ledger: Ledger, model: Manifest, *, by: str, reason: str, force: bool = False) -> Entry:
    """Make ``model`` the champion of its head.

    Raises:
        Conflict: it does not beat its dumb rule, and nobody forces it.
        InvalidInput: nobody signs, or no reason is given.
    """
    if not (eligible(model) or force):
        place = "below" if worse(model) else "not above"
        raise Conflict(
            f"{model.name} is {place} its baseline on the holdout",
            remedy=f"see `retain models show {model.name}`; --force promotes it all the same, "
            "and its --reason stands in the ledger",
        )
    return ledger.promote(
        model.head,
        model.version,
        by=by,
        reason=reason,
        evidence=evidence(model, forced=force and not eligible(model)),
    )
