"""Which of a run's models become champions, and what is said about it."""

from typing import TYPE_CHECKING, Any

from retain.clock import iso
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.ledger import Entry
    from retain.manifest import Head
    from training.pipeline import TrainingRun

SERVING: "tuple[Head, ...]" = ("churn", "next_purchase", "ltv")


def promote_run(
    settings: Settings, run: "TrainingRun", *, force: bool = False, reason: str | None = None
) -> "list[Entry]":
    """Promote what is above its baseline, and what serving would lack; by ``force``, all.

    A serving head without a champion that earned its place gets this run's model also where
    it is not above its baseline, unless it is below or ``first_champion`` wants it better: the
    ledger says that it was forced, and why. It never replaces a champion that was above its own.

    Raises:
        InvalidInput: it is forced without a ``reason``.
    """
    from retain.database import connect
    from retain.ledger import Ledger
    from training import configuration, pipeline, promotion

    lenient = configuration.load(settings.config).first_champion == "not_worse"
    pipeline.promote_all(settings, run, reason=reason)
    ledger = Ledger(connect(settings.database_url))
    for head, model in run.models.items():
        held_back = promotion.held_back(ledger, model, settings.evaluations, settings.bentoml_home)
        if promotion.eligible(model) and not (force and held_back):
            continue
        entries = ledger.history(head)
        earned = bool(entries) and not entries[-1].evidence.get("forced", False)
        lacking = lenient and head in SERVING and not earned and not promotion.worse(model)
        if force or lacking:
            because = f"no model of its head was above its baseline, nor is this of {run.run_id}"
            promotion.promote(
                ledger,
                model,
                by="retain train",
                reason=(reason or "") if force else because,
                force=True,
            )
    made = {(model.head, model.version) for model in run.models.values()}
    champions = [ledger.history(head)[-1:] for head in run.models]
    return [one for latest in champions for one in latest if (one.head, one.version) in made]


def left_out(run: "TrainingRun", promoted: "list[Entry]") -> dict[str, str]:
    """Models of ``run`` that answer nobody yet, and how they would."""
    from training import promotion

    champions = {(entry.head, entry.version) for entry in promoted}
    return {
        model.name: promotion.standing(model)
        for model in run.models.values()
        if (model.head, model.version) not in champions
    }


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
