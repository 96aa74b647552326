"""Making a decision again from its receipt alone: the same scores, chances and choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retain.decisions.exploration import Exploration, Option, choose, probabilities
from retain.decisions.terms import score

_WEIGHTS = ("context_weight", "channel_weight", "lever")


@dataclass(frozen=True, slots=True)
class Replay:
    """What follows from a receipt.

    Attributes:
        scores: expected value by action, computed from the terms; None where one is not known.
        propensities: by action.
        chosen: the action that the seed chooses.
    """

    scores: dict[str, float | None]
    propensities: dict[str, float]
    chosen: str


def made_again(receipt: Mapping[str, Any]) -> Replay:
    """Apply the policy of ``receipt`` to its candidates once more.

    Nothing is read but the receipt: neither the catalogue, which may have changed, nor the
    models. What removed a candidate is taken from it as it stands.
    """
    how = Exploration.from_json(receipt["policy"])
    candidates = receipt["candidates"]
    # without exploration they stand in order
    allowed = sorted(
        (each for each in candidates if each["removed_by"] is None),
        key=lambda each: each.get("rank", 0),
    )
    options = [
        Option(
            each["action_id"],
            each["terms"]["expected_value"],
            each.get("spread", 0.0),
            each.get("new", False),
            # receipts of before it was logged drew every spread by itself
            each.get("shared", 0.0),
        )
        for each in allowed
    ]
    chances = probabilities(how, options)
    by_action = {each["action_id"]: 0.0 for each in candidates}
    by_action |= {option.action_id: at for option, at in zip(options, chances, strict=True)}
    return Replay(
        scores={each["action_id"]: _score(each["terms"]) for each in candidates},
        propensities=by_action,
        chosen=options[choose(chances, receipt["policy"].get("seed", ""))].action_id,
    )


def _score(terms: Mapping[str, Any]) -> float | None:
    names = ("uplift", "value", "margin", "contact_cost", "redemption_cost", *_WEIGHTS)
    known = [terms[name] for name in names]
    return None if None in known else score(*known)
