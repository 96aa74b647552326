"""Receipts: everything a decision was made from, as JSON that is stored and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from retain.clock import iso
from retain.decisions.candidate import Candidate
from retain.decisions.caps import ContactState
from retain.decisions.ranking import Ranking
from retain.decisions.receipt_parts import ARM, policy_of

Receipt = dict[str, Any]


# one is made for every answer, and a frozen one takes twice as long to make
@dataclass(slots=True)
class Evidence:
    """What a decision rests on beside the catalogue.

    Attributes:
        models: per head, the model that answered (``churn:ab12``).
        features_as_of: when the features were computed.
        stale_views: feature views older than their time to live.
        experiments: the arms the customer is in, as
            :meth:`retain.experiments.assignment.Assignment.as_json` writes them.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    features_as_of: datetime | None = None
    stale_views: tuple[str, ...] = ()
    experiments: tuple[Mapping[str, Any], ...] = ()

    @property
    def experiment(self) -> dict[str, Any] | None:
        """The first of them, as every answer names it."""
        if not self.experiments:
            return None
        return {name: self.experiments[0][name] for name in ARM}


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision and its receipt."""

    receipt: Receipt

    @property
    def decision_id(self) -> str:
        """The id the receipt is found by."""
        return str(self.receipt["decision_id"])

    @property
    def action_id(self) -> str:
        """What is to be done."""
        return str(self.receipt["actions"][0]["action_id"])

    def next_best_action(self) -> dict[str, Any]:
        """``/predict``'s ``next_best_action``."""
        best = {name: v for name, v in self.receipt["actions"][0].items() if name != "terms"}
        return {**best, "decision_id": self.decision_id}

    def answer(self, *, receipt: bool = False) -> dict[str, Any]:
        """``/rank``'s answer; with ``receipt`` all that the decision was made from."""
        if receipt:
            return dict(self.receipt)
        names = ("decision_id", "customer_id", "as_of", "actions", "experiment", "models")
        return {name: self.receipt[name] for name in names}


def write_receipt(
    decision_id: str,
    ranking: Ranking,
    row: int,
    state: ContactState,
    evidence: Evidence,
    *,
    limit: int,
    reserved: bool,
) -> Receipt:
    """The receipt of the decision for one customer of ``ranking``.

    The first action is the decision (and, where ``reserved``, the one whose contact is
    counted); those after it are what could be done instead, as far as they are worth it. The
    decision's id is the seed of what is explored.
    """
    _, ranked = ranking.of(row)
    kept, removed = ranking.judged(row, state, decision_id)
    candidates = [
        *[each.as_receipt() for each in kept],
        *[ranked.entry(place, why) for place, why in removed],
    ]
    return {
        "decision_id": decision_id,
        "customer_id": ranking.customer_ids[row],
        "as_of": iso(ranking.now),
        "kind": "reserved" if reserved else "preview",
        "actions": [each.as_ranked() for each in _returned(kept, limit)],
        "experiment": evidence.experiment,
        "experiments": [dict(one) for one in evidence.experiments],
        "models": dict(evidence.models),
        "policy": _policy(ranking, decision_id, candidates),
        "context": ranking.context.as_json(),
        "caps": ranking.limits(row).as_json(state, ranking.now),
        **_ages(evidence, ranking.now),
        "stale_views": list(evidence.stale_views),
        "candidates": candidates,
    }


def _returned(kept: list[Candidate], limit: int) -> list[Candidate]:
    """What was chosen, and the best of what is worth doing instead."""
    worth_it = [each for each in kept[1:] if (each.terms.expected_value or 0.0) >= 0.0]
    return [kept[0], *worth_it][:limit]


def _policy(ranking: Ranking, seed: str, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    bases = {each["terms"]["basis"] for each in candidates}
    off = ranking.catalogue.config.ranking.terms.off
    return policy_of(ranking.beliefs.exploration.as_json(), off, seed, bases)


def _ages(evidence: Evidence, now: datetime) -> dict[str, Any]:
    at = evidence.features_as_of
    if at is None:
        return {"features_as_of": None, "features_age_seconds": None}
    return {"features_as_of": iso(at), "features_age_seconds": (now - at).total_seconds()}
