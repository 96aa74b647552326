"""Facts: what happened, once each, however often and by whichever way it was told."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Pair = tuple[str, str]
"""A decision's id and an action's."""

CONVERTED = "converted"


class Act(NamedTuple):
    """One action of one decision; times in microseconds since the epoch.

    Attributes:
        acts: whether it does anything: false for ``none``.
        planned_at: when it was to be carried out.
        reserved: whether it was the decision itself, and no preview.
        presumed: whether it counts as carried out while nothing is told of it.
    """

    decision_id: str
    action_id: str
    customer_id: str
    decided_at: int
    planned_at: int
    acts: bool = True
    reserved: bool = True
    presumed: bool = True

    @property
    def pair(self) -> Pair:
        """What outcomes name it by."""
        return self.decision_id, self.action_id


class Told(NamedTuple):
    """One outcome of an action, as feedback or a message event tells it.

    Attributes:
        value: money, of a conversion.
    """

    decision_id: str
    action_id: str
    outcome: str
    at: int
    value: float | None = None

    @property
    def pair(self) -> Pair:
        """The action it is of."""
        return self.decision_id, self.action_id


class Conversion(NamedTuple):
    """An event that is a conversion.

    Attributes:
        fact_id: of the order, where it has one: told twice it is one.
        value: net revenue.
        named: actions that the event itself says it is of.
    """

    fact_id: str
    customer_id: str
    at: int
    value: float = 0.0
    named: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One conversion.

    Attributes:
        fact_id: of the order; None where only feedback tells of it.
        value: net revenue of the order; None without one.
        named: actions that feedback or the event says it is of, and the value told with each.
    """

    fact_id: str | None
    customer_id: str
    at: int
    value: float | None
    named: Mapping[Pair, float | None] = field(default_factory=dict)

    def worth(self, prefer: Literal["order", "feedback"], pair: Pair) -> float:
        """Its value, credited to ``pair``."""
        own = self.named.get(pair)
        first, second = (self.value, own) if prefer == "order" else (own, self.value)
        return (first if first is not None else second) or 0.0


def first_times(told: Iterable[Told]) -> dict[Pair, dict[str, int]]:
    """By action, when each of its outcomes happened first."""
    found: defaultdict[Pair, dict[str, int]] = defaultdict(dict)
    for one in told:
        known = found[one.pair]
        known[one.outcome] = min(one.at, known.get(one.outcome, one.at))
    return dict(found)


def facts(
    acts: Mapping[Pair, Act], told: Iterable[Told], conversions: Iterable[Conversion], near: int
) -> list[Fact]:
    """Conversions, in the order of time.

    Feedback that lies within ``near`` microseconds of an order of the same customer tells of an
    order: of one that no other feedback tells of where there is one, of one that names the same
    action, of the same value and close in time first. Feedback on different decisions with one
    time and value is one fact.
    """
    orders: defaultdict[str, dict[str, Conversion]] = defaultdict(dict)
    for order in sorted(set(conversions), key=lambda each: (each.at, each)):
        known = orders[order.customer_id].setdefault(order.fact_id, order)
        if named := set(order.named) - set(known.named):
            told_twice = known._replace(named=(*known.named, *sorted(named)))
            orders[order.customer_id][order.fact_id] = told_twice
    claims: defaultdict[str, set[Told]] = defaultdict(set)
    for one in told:
        if one.outcome == CONVERTED and one.pair in acts:
            claims[acts[one.pair].customer_id].add(one)
    found: list[Fact] = []
    for customer_id in orders.keys() | claims.keys():
        own, said = list(orders[customer_id].values()), sorted(claims[customer_id], key=_key)
        found += _of_customer(customer_id, own, said, near)
    return sorted(found, key=lambda fact: (fact.at, fact.customer_id, fact.fact_id or ""))


def _of_customer(
    customer_id: str, orders: list[Conversion], said: list[Told], near: int
) -> list[Fact]:
    of_order = _matched(orders, said, near)
    alone: defaultdict[tuple[int, float | None], list[Told]] = defaultdict(list)
    telling: defaultdict[str, list[Told]] = defaultdict(list)
    for one in said:
        if (fact_id := of_order.get(one)) is None:
            alone[one.at, one.value].append(one)
        else:
            telling[fact_id].append(one)
    found = [
        Fact(
            each.fact_id,
            customer_id,
            each.at,
            each.value,
            {**dict.fromkeys(each.named), **_named(telling[each.fact_id])},
        )
        for each in orders
    ]
    found += [Fact(None, customer_id, at, None, _named(some)) for (at, _), some in alone.items()]
    return found


def _matched(orders: list[Conversion], said: list[Told], near: int) -> dict[Told, str]:
    """Of which order each is told, where there is one that it can be of."""
    pairs = sorted(
        (
            (
                (one.pair not in order.named, _differ(one.value, order.value)),
                abs(one.at - order.at),
                order.fact_id,
                _key(one),
                one,
            )
            for one in said
            for order in orders
            if abs(one.at - order.at) <= near
        ),
        key=lambda pair: pair[:4],
    )
    found: dict[Told, str] = {}
    taken: set[str] = set()
    for first in (True, False):
        for _, _, fact_id, _, one in pairs:
            if one not in found and not (first and fact_id in taken):
                found[one] = fact_id
                taken.add(fact_id)
    return found


def _differ(told: float | None, value: float) -> bool:
    return told is not None and abs(told - value) > 0.005  # half a cent


def _named(told: Iterable[Told]) -> dict[Pair, float | None]:
    named: dict[Pair, float | None] = {}
    for one in told:
        # the larger of two values that are told of one order
        values = [each for each in (named.get(one.pair), one.value) if each is not None]
        named[one.pair] = max(values, default=None)
    return named


def _key(one: Told) -> tuple[int, str, str, str, float]:
    value = -1.0 if one.value is None else one.value
    return one.at, one.decision_id, one.action_id, one.outcome, value
