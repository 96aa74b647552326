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
        raise Conflict(
            f"{model.name} is not above its baseline on the holdout",
            remedy="see `retain models show`; --force promotes it all the same, and says so",
        )
    return ledger.promote(
        model.head,
        model.version,
        by=by,
        reason=reason,
        evidence=evidence(model, forced=force and not eligible(model)),
    )
