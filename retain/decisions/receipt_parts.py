"""The parts a preview's receipt is stored in: what all of a ranker share, its columns, its own."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from retain.clock import iso
from retain.decisions.receipt_columns import Columns
from retain.decisions.standing import DeclaredCaps, Standing
from retain.decisions.terms import BASES, as_json

Json = dict[str, Any]


class OfAction(msgspec.Struct, array_like=True, frozen=True):
    """An action as receipts name it; its terms are those that are the same for everybody."""

    action_id: str
    channel: str
    tone: str
    content_type: str
    treatments: list[str]
    margin: float
    contact_cost: float
    lever: float


class Shared(msgspec.Struct, array_like=True, frozen=True):
    """What all receipts of one ranker share.

    Attributes:
        actions: in the order of the catalogue.
        rules: those that removed an action, by their code.
        policy: :meth:`retain.decisions.exploration.Exploration.as_json`.
    """

    actions: list[OfAction]
    rules: list[str]
    models: dict[str, str]
    policy: Json
    terms_off: list[str]
    caps: DeclaredCaps


class Believed(msgspec.Struct, array_like=True, frozen=True):
    """What an exploring policy thought of an action that was allowed."""

    propensity: float | None
    rank: int
    spread: float | None
    shared: float | None
    new: bool


class Own(msgspec.Struct, array_like=True, frozen=True):
    """What is a receipt's own beside its columns.

    Attributes:
        age: of the features, in microseconds.
        believed: as in :class:`Judgement`.
    """

    experiments: list[Json]
    decision_id: str
    customer_id: str
    as_of: str
    age: int | None
    stale_views: list[str]
    context: Json
    items: Sequence[str]
    send_at: str
    expires_at: str
    standing: Standing
    believed: list[Believed] | None


class Judgement(NamedTuple):
    """What became of the actions, in the order of a receipt.

    Attributes:
        allowed: places in the catalogue: of the chosen one, then of the others by worth.
        removed: those of the other actions.
        removed_by: the rule that removed each of these.
        believed: of each allowed action, where the policy explores.
    """

    allowed: Sequence[int]
    removed: Sequence[int]
    removed_by: Sequence[str]
    believed: list[Believed] | None


def policy_of(how: Json, terms_off: Sequence[str], seed: str, bases: AbstractSet[str]) -> Json:
    """What was done with the candidates' terms, as far as is needed to do it again.

    Args:
        how: :meth:`retain.decisions.exploration.Exploration.as_json`.
        terms_off: the terms that did not count.
        seed: of what is explored.
        bases: of the candidates.
    """
    seeded = how if how["deterministic"] else {**how, "seed": seed}
    basis = next(basis for basis in ("model", "response", "prior") if basis in bases)
    policy = {**seeded, "basis": basis}
    if terms_off:
        policy["terms_off"] = list(terms_off)
    return policy


def receipt(shared: Shared, own: Own, columns: Columns, judgement: Judgement) -> Json:
    """The receipt that was taken apart, its fields in the order they are answered in."""
    candidates = list(_candidates(shared, columns, judgement))
    bases = {each["terms"]["basis"] for each in candidates}
    age = None if own.age is None else timedelta(microseconds=own.age)
    features_as_of = None if age is None else iso(datetime.fromisoformat(own.as_of) - age)
    arm = {name: own.experiments[0][name] for name in ARM} if own.experiments else None
    return {
        "decision_id": own.decision_id,
        "customer_id": own.customer_id,
        "as_of": own.as_of,
        "kind": "preview",
        "actions": [_chosen(shared.actions[judgement.allowed[0]], own, candidates[0])],
        "experiment": arm,
        "experiments": own.experiments,
        "models": dict(shared.models),
        "policy": policy_of(shared.policy, shared.terms_off, own.decision_id, bases),
        "context": own.context,
        "caps": own.standing.as_json(shared.caps),
        "features_as_of": features_as_of,
        "features_age_seconds": None if age is None else age.total_seconds(),
        "stale_views": own.stale_views,
        "candidates": candidates,
    }


ARM = ("experiment", "arm", "layer")
"""What answers name of the first arm that a customer is in."""


def _chosen(action: OfAction, own: Own, candidate: Json) -> Json:
    return {
        "action_id": action.action_id,
        "channel": action.channel,
        "treatment": candidate["treatment"],
        "tone": action.tone,
        "content_type": action.content_type,
        "items": list(own.items),
        "send_at": own.send_at,
        "expires_at": own.expires_at,
        "score": candidate["terms"]["expected_value"],
        "propensity": candidate["propensity"],
        "terms": dict(candidate["terms"]),
    }


def _candidates(shared: Shared, columns: Columns, judgement: Judgement) -> Iterator[Json]:
    for number, place in enumerate(judgement.allowed):
        entry = _entry(shared.actions[place], place, columns)
        believed = None if judgement.believed is None else judgement.believed[number]
        if believed is None:
            yield {**entry, "removed_by": None, "propensity": 0.0 if number else 1.0}
        else:
            yield {
                **entry,
                "removed_by": None,
                "propensity": believed.propensity,
                "rank": believed.rank,
                "spread": believed.spread,
                "shared": believed.shared,
                "new": believed.new,
            }
    for place, rule in zip(judgement.removed, judgement.removed_by, strict=True):
        entry = _entry(shared.actions[place], place, columns)
        yield {**entry, "removed_by": rule, "propensity": 0.0}


def _entry(action: OfAction, place: int, columns: Columns) -> Json:
    value, context, channel, redemption, uplift, conversion, expected = (
        column[place] for column in columns.measured
    )
    return {
        "action_id": action.action_id,
        "treatment": action.treatments[columns.treatments[place]],
        "terms": as_json(
            BASES[columns.bases[place]],
            conversion,
            uplift,
            value,
            action.margin,
            action.contact_cost,
            redemption,
            context,  # type: ignore[arg-type]
            channel,  # type: ignore[arg-type]
            action.lever,
            expected,
        ),
    }
