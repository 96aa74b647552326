"""Outcomes: the log of decisions, with what became of each decided action.

One row per action that a decision chose, or that was told to have been carried out instead. What
is read is what was known: decisions, feedback and events up to a moment.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, select

from retain.clock import parse_utc, to_micros
from retain.database import in_parts, reading
from retain.decisions import contacts
from retain.decisions.actions import NONE
from retain.decisions.attribution import Attributed, Attribution, attribute
from retain.decisions.constraints import Reporting
from retain.decisions.facts import Act, Conversion, Pair, Told
from retain.decisions.feedback import feedback
from retain.decisions.messages import OUTCOMES
from retain.decisions.receipt import Receipt
from retain.decisions.receipt_text import unpack
from retain.decisions.store import decisions
from retain.eventlog import events

_TIME = pa.timestamp("us", "UTC")
_GIVEN_BACK = ("order_refunded", "order_cancelled")
_ORDERED = "order_completed"

SCHEMA = pa.schema(
    [
        pa.field("decision_id", pa.string()),
        pa.field("customer_id", pa.string()),
        pa.field("as_of", _TIME),
        pa.field("action_id", pa.string()),
        pa.field("treatment", pa.string()),
        pa.field("chosen", pa.bool_()),
        pa.field("reserved", pa.bool_()),
        pa.field("policy", pa.string()),
        pa.field("deterministic", pa.bool_()),
        pa.field("control_group", pa.bool_()),
        pa.field("experiment", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("propensity", pa.float64()),
        pa.field("candidates", pa.list_(pa.string())),
        pa.field("probabilities", pa.list_(pa.float64())),
        pa.field("removed", pa.list_(pa.string())),
        pa.field("carried_out", pa.bool_()),
        pa.field("outcomes", pa.list_(pa.string())),
        pa.field("conversions", pa.int64()),
        pa.field("reward", pa.float64()),
    ]
)
"""Of :func:`tabled`. ``candidates`` are the actions that nothing had removed, with the
``probabilities`` of the policy that chose; ``removed`` those the control group took away, the one
with the highest expected value first. ``propensity`` is null where the policy did not choose it.
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What was told after decisions.

    Attributes:
        told: outcomes by feedback and by message events.
        conversions: events that are conversions.
        owner: the customer that an id of a decision belongs to by now, where it is another.
    """

    told: Sequence[Told] = ()
    conversions: Sequence[Conversion] = ()
    owner: Mapping[str, str] = field(default_factory=dict)


def read(
    engine: Engine, as_of: datetime, how: Attribution, reporting: Reporting | None = None
) -> pa.Table:
    """Every decision up to ``as_of`` and what became of it by then (:data:`SCHEMA`).

    Args:
        engine: of the operational store.
        as_of: nothing later is read.
        how: which outcomes are credited to what.
        reporting: channels where silence means that nothing was sent.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    until = to_micros(as_of)
    with reading(engine) as connection:
        query = select(decisions.c.receipt).where(decisions.c.at <= until)
        stored = connection.scalars(query.order_by(decisions.c.at, decisions.c.decision_id))
        rows = [_Row.of(unpack(one), reporting or Reporting()) for one in stored]
        customers = list(dict.fromkeys(row.customer_id for row in rows))
        known = _known(connection, customers, rows, until, how)
    return _tabled(rows, known, how)


def tabled(
    receipts: Iterable[Receipt],
    known: Known,
    how: Attribution,
    reporting: Reporting | None = None,
) -> pa.Table:
    """These decisions and what became of them (:data:`SCHEMA`), in the order of time."""
    rows = [_Row.of(one, reporting or Reporting()) for one in receipts]
    return _tabled(sorted(rows, key=lambda row: (row.at, row.decision_id)), known, how)


@dataclass(frozen=True, slots=True)
class _Row:
    """What is kept of a receipt."""

    decision_id: str
    customer_id: str
    at: int
    acts: tuple[Act, ...]
    treatments: tuple[str, ...]
    own: Mapping[str, Any]

    @classmethod
    def of(cls, receipt: Receipt, reporting: Reporting) -> "_Row":
        at, reserved = _micros(receipt["as_of"]), receipt["kind"] == "reserved"
        actions = receipt["actions"]
        open_, held = _candidates(receipt["candidates"])
        experiment = receipt.get("experiment") or {}
        if isinstance(experiment, str):
            experiment = {"experiment": experiment}
        policy = receipt.get("policy") or {}
        own = {
            "reserved": reserved,
            "policy": policy.get("name", "greedy"),
            "deterministic": bool(policy.get("deterministic", True)),
            "control_group": bool((receipt.get("caps") or {}).get("control_group")),
            "experiment": experiment.get("experiment"),
            "arm": experiment.get("arm"),
            "candidates": [name for name, _ in open_],
            "probabilities": [chance for _, chance in open_],
            "removed": held,
            "propensity": actions[0]["propensity"],
        }
        acts = tuple(
            Act(
                receipt["decision_id"],
                one["action_id"],
                receipt["customer_id"],
                at,
                max(_micros(one["send_at"]), at),
                acts=one["action_id"] != NONE,
                # the first is the decision; the others are what could be done instead
                reserved=reserved and place == 0,
                presumed=reserved and place == 0 and one["channel"] not in reporting.channels,
            )
            for place, one in enumerate(actions)
        )
        treatments = tuple(one["treatment"] for one in actions)
        return cls(receipt["decision_id"], receipt["customer_id"], at, acts, treatments, own)


def _candidates(given: Iterable[Mapping[str, Any]]) -> tuple[list[tuple[str, float]], list[str]]:
    chances, held = [], []
    for one in given:
        if one["removed_by"] is None:
            chances.append((one["action_id"], float(one.get("propensity", 0.0))))
        elif one["removed_by"] == "control_group":
            held.append((-(one["terms"]["expected_value"] or 0.0), one["action_id"]))
    return chances, [name for _, name in sorted(held)]


def _known(
    connection: Connection,
    customers: Sequence[str],
    rows: Sequence[_Row],
    until: int,
    how: Attribution,
) -> Known:
    first = {row.decision_id: row.acts[0].action_id for row in rows}
    told, owner = list(_feedback(connection, until)), _owners(connection, customers, until)
    everybody = list(owner)
    told += _messages(connection, everybody, until, first)
    kinds = tuple(dict.fromkeys((*how.converts, *_GIVEN_BACK)))
    sales = list(_events(connection, everybody, until, kinds))
    return Known(told, _conversions(sales, owner, first), owner)


def _owners(connection: Connection, customers: Sequence[str], until: int) -> dict[str, str]:
    """Every id of these customers, and the one that stands for all ids of the same."""
    found: dict[str, str] = {}
    for ids in in_parts(customers):
        people: defaultdict[str, list[str]] = defaultdict(list)
        for one, whose in contacts.owners(connection, ids, until).items():
            people[whose].append(one)
        found |= {one: min(same) for same in people.values() for one in same}
    return found


def _feedback(connection: Connection, until: int) -> Iterator[Told]:
    of = feedback.c
    query = select(of.decision_id, of.action_id, of.outcome, of.occurred_at, of.value)
    for row in connection.execute(query.where(of.occurred_at <= until)):
        yield Told(*row)


def _messages(
    connection: Connection, ids: Sequence[str], until: int, first: Mapping[str, str]
) -> Iterator[Told]:
    """What message events tell of decisions; one that names no action is of the first."""
    for row in _events(connection, ids, until, tuple(OUTCOMES)):
        properties = json.loads(row.properties)
        for pair in _pairs(properties, first):
            yield Told(*pair, OUTCOMES[row.type], row.ts)


def _events(
    connection: Connection, ids: Sequence[str], until: int, types: Sequence[str]
) -> Iterable[Any]:
    of = events.c
    query = select(of.event_id, of.type, of.customer_id, of.ts, of.properties)
    for some in in_parts(ids):
        yield from connection.execute(
            query.where(of.customer_id.in_(some), of.ts <= until, of.type.in_(types))
        )


def _conversions(
    sales: Iterable[Any], owner: Mapping[str, str], first: Mapping[str, str]
) -> list[Conversion]:
    """Each with its value, less what was given back of the same order, and what it names."""
    earned: list[tuple[str, str, int, float, tuple[Pair, ...]]] = []
    back: defaultdict[tuple[str, str], float] = defaultdict(float)
    for row in sales:
        properties = json.loads(row.properties)
        customer_id = owner.get(row.customer_id, row.customer_id)
        total, order_id = float(properties.get("total") or 0.0), properties.get("order_id")
        if row.type in _GIVEN_BACK:
            back[customer_id, str(order_id)] += total
        else:
            named = order_id if row.type == _ORDERED and order_id is not None else row.event_id
            earned.append((str(named), customer_id, row.ts, total, _pairs(properties, first)))
    return [
        Conversion(name, whose, at, max(total - back.get((whose, name), 0.0), 0.0), pairs)
        for name, whose, at, total, pairs in earned
    ]


def _pairs(properties: Mapping[str, Any], first: Mapping[str, str]) -> tuple[Pair, ...]:
    """The action that an event names; one that names none is of the decision's first."""
    decision_id = str(properties.get("decision_id"))
    if decision_id not in first:
        return ()
    return ((decision_id, properties.get("action_id") or first[decision_id]),)


def _tabled(rows: Sequence[_Row], known: Known, how: Attribution) -> pa.Table:
    named = {one.pair for one in known.told}
    acts, behind = [], []
    for row in rows:
        for place, act in enumerate(row.acts):
            # an alternative is one of the rows where somebody did it after all
            if place == 0 or act.pair in named:
                whose = known.owner.get(act.customer_id, act.customer_id)
                acts.append(act._replace(customer_id=whose))
                behind.append((row, place))
    found, _ = attribute(acts, known.told, known.conversions, how)
    lines = [_line(row, place, one) for (row, place), one in zip(behind, found, strict=True)]
    return pa.Table.from_pylist(lines, schema=SCHEMA)


def _line(row: _Row, place: int, one: Attributed) -> dict[str, Any]:
    chosen = place == 0
    return {
        **row.own,
        "decision_id": row.decision_id,
        "customer_id": row.customer_id,
        "as_of": row.at,
        "action_id": one.act.action_id,
        "treatment": row.treatments[place],
        "chosen": chosen,
        "propensity": row.own["propensity"] if chosen else None,
        "carried_out": one.carried_out,
        "outcomes": sorted(one.outcomes),
        "conversions": one.conversions,
        "reward": one.reward,
    }


def _micros(text: str) -> int:
    return to_micros(parse_utc(text, field="time"))
