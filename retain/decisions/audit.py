"""Audit: what in a store of decisions breaks a limit or was reserved twice; nothing should."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, func, select

from retain.decisions.actions import NONE
from retain.decisions.budgets import Budgets, limits
from retain.decisions.catalogues import Catalogue
from retain.decisions.constraints import Cap
from retain.decisions.contacts import contacts
from retain.decisions.spending import claims, spending
from retain.decisions.store import decisions

_MICROSECOND = timedelta(microseconds=1)
Made = Sequence[Any]
"""Rows of contacts that were or are to be made."""


def broken(connection: Connection, catalogue: Catalogue) -> list[str]:
    """Every limit of ``catalogue`` that the store breaks, and every reservation made twice.

    Judged by the store alone, contacts as they were or are to be sent, without the code that
    decides. Contacts of others, which nobody here decided, are left out, and so are actions that
    the catalogue no longer has.
    """
    query = select(contacts).where(contacts.c.released.is_(False)).order_by(contacts.c.made_at)
    by_customer: defaultdict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        if row.action_id in catalogue.by_id:
            by_customer[row.customer_id].append(row)
    return [
        *(
            f"{customer_id}: {what}"
            for customer_id, made in by_customer.items()
            for what in _of_customer(catalogue, made)
        ),
        *_overspent(connection, catalogue),
        *_doubled(connection),
    ]


def _of_customer(catalogue: Catalogue, made: Made) -> Iterator[str]:
    config, by_id = catalogue.config, catalogue.by_id
    limited = [row for row in made if not by_id[row.action_id].transactional]
    reaching = [row for row in limited if by_id[row.action_id].is_contact]
    yield from _over("contacts", reaching, config.contact_cap)
    for channel, caps in config.channel_caps.items():
        yield from _over(channel, [row for row in limited if row.channel == channel], caps)
    for tag, caps in config.tag_caps.items():
        tagged = [row for row in limited if tag in by_id[row.action_id].tags]
        yield from _over(tag, tagged, caps)
    for action in catalogue.actions:
        own = [row for row in made if row.action_id == action.id]
        yield from _over(action.id, own, action.cap)
    for group, exclusion in config.exclusions.items():
        inside = [row for row in made if row.action_id in config.members(exclusion)]
        apart = exclusion.days * timedelta(days=1) / _MICROSECOND
        # in the order they were decided in: the later one had to be forbidden
        for one, other in combinations(inside, 2):
            exempt = one.action_id == other.action_id or by_id[other.action_id].transactional
            if not exempt and abs(one.at - other.at) < apart:
                yield f"{one.action_id} and {other.action_id} exclude each other ({group})"


def _over(name: str, made: Made, caps: Sequence[Cap]) -> Iterator[str]:
    times = sorted(row.at for row in made)
    for cap in caps:
        window = cap.window / _MICROSECOND
        held = max(
            (sum(first <= at < first + window for at in times) for first in times), default=0
        )
        if held > cap.limit:
            yield f"{held} of {name} within {cap.days:g} days, the cap is {cap.limit}"


def _overspent(connection: Connection, catalogue: Catalogue) -> Iterator[str]:
    declared = Budgets(catalogue).declared
    held = select(claims.c.key, func.sum(claims.c.micros), func.sum(claims.c.decisions))
    claimed: Mapping[str, tuple[int, int]] = {
        key: (int(micros), int(decided))
        for key, micros, decided in connection.execute(held.group_by(claims.c.key))
    }
    for key, micros, decided in connection.execute(select(spending)):
        if claimed.get(key, (0, 0)) != (micros, decided):
            yield f"{key}: {micros} millionths and {decided} decisions are not what was claimed"
        scope = key if key in declared else key.rpartition("/")[0]
        if scope in declared:
            amount, count = limits(declared[scope])
            if micros > amount or decided > count:
                yield f"{key} is overspent"


def _doubled(connection: Connection) -> Iterator[str]:
    # previews that were acted on have a contact as well: only reservations are compared
    reserved = decisions.c.reserved.is_(True)
    counted = (
        select(decisions.c.decision_id, decisions.c.action_id, func.count(contacts.c.action_id))
        .select_from(decisions)
        .outerjoin(contacts, contacts.c.decision_id == decisions.c.decision_id)
        .where(reserved)
        .group_by(decisions.c.decision_id, decisions.c.action_id)
    )
    for decision_id, action_id, times in connection.execute(counted):
        # the second action of a decision has a contact once somebody reports it
        if (times != 0) if action_id == NONE else (times < 1):
            yield f"decision {decision_id} for {action_id} has {times} contacts"
    keyed = (
        select(decisions.c.customer_id, decisions.c.idempotency_key)
        .where(reserved, decisions.c.idempotency_key.is_not(None))
        .group_by(decisions.c.customer_id, decisions.c.idempotency_key)
        .having(func.count() > 1)
    )
    for customer_id, key in connection.execute(keyed):
        yield f"{customer_id}: the key {key!r} was decided twice"
