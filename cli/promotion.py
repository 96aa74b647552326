"""Which of a run's models become champions, and what is said about it."""

from typing import TYPE_CHECKING, Any

from retain.clock import iso
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.ledger import Entry
    from retain.manifest import Head
    from training.pipeline import TrainingRun

SERVING: "tuple[Head, ...]" = ("churn", "next_purchase", "ltv")


def promote_run(settings: Settings, run: "TrainingRun") -> "list[Entry]":
    """Promote what is above its baseline, and what serving would lack.

    A serving head without a champion that earned its place gets this run's model also where
    it is not above its baseline, unless it is below: the ledger says that it was forced, and
    why. It never replaces a champion that was above its own.
    """
    from retain.database import connect
    from retain.ledger import Ledger
    from training import pipeline, promotion

    pipeline.promote_all(settings, run)
    ledger = Ledger(connect(settings.database_url))
    for head in SERVING:
        model = run.models.get(head)
        entries = ledger.history(head)
        earned = bool(entries) and not entries[-1].evidence.get("forced", False)
        if model is not None and not (model.beats_baseline or earned or promotion.worse(model)):
            reason = f"no model of its head was above its baseline, nor is this of {run.run_id}"
            promotion.promote(ledger, model, by="retain train", reason=reason, force=True)
    made = {(model.head, model.version) for model in run.models.values()}
    champions = [ledger.history(head)[-1:] for head in run.models]
    return [one for latest in champions for one in latest if (one.head, one.version) in made]


def entry_of(entry: "Entry") -> dict[str, Any]:
    """A ledger entry as JSON."""
    return {
        "at": iso(entry.at),
        "act": entry.act,
        "model": f"{entry.head}:{entry.version}",
        "previous": entry.previous,
        "by": entry.by,
        "reason": entry.reason,
        "evidence": entry.evidence,
    }
