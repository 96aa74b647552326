"""One customer's contacts read in one statement are those that are read for many."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from retain.clock import to_micros
from retain.database import connect, writing
from retain.decisions import contacts, spending, suppressions
from retain.decisions.caps import Limiter
from retain.decisions.contacts import Contacts
from retain.errors import StoreUnavailable
from retain.event import Event, to_table
from retain.eventlog import EventLog
from retain.one.contacts import ContactsOfOne, query_of
from retain.one.log_file import LogFile
from tests.catalogues import NOW, action, catalogue

FOLLOWING = action(
    "again",
    follows=[{"action": "mail", "outcome": "not_opened", "within_hours": 96}],
    withdrawn_by=["order_completed"],
)
PLAIN = Limiter(catalogue(action("mail"), FOLLOWING))
BUDGETED = Limiter(
    catalogue(action("mail", budget={"count": 3, "per": "day"}), FOLLOWING, budget={"amount": 9})
)
KINDS = (
    *(f"message_{what}" for what in ("sent", "sent", "opened", "clicked", "bounced", "delivered")),
    *("order_completed", "consent_given", "page_viewed", "message_unsubscribed"),
)
CUSTOMERS = [f"c{number}" for number in range(40)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/retain.db")
    yield made
    made.dispose()


def happen(engine: Engine, seed: int) -> None:
    """A history at random: of no length, on some of our decisions, others' and nobody's."""
    dice = random.Random(seed)
    events = []
    for customer in CUSTOMERS:
        events += [a_thing(dice, customer, at) for at in range(dice.choice((0, 1, 4, 30)))]
    events.append(joined("c1", "visitor", -3))
    EventLog(engine).append(to_table(sorted(events, key=lambda one: one.ts)))
    with writing(engine) as connection:
        for number in range(50):
            plan(connection, dice, f"d{number}", dice.choice(CUSTOMERS[:30]))
        for customer in dice.sample(CUSTOMERS, 10):
            since = NOW - timedelta(days=dice.uniform(0, 20))
            channel = dice.choice(("email", "push"))
            told_at = since + timedelta(days=dice.choice((-1, 0, 1)))
            closing = (connection, customer, channel, since, "complained")
            suppressions.suppress(*closing, told_at=told_at)
        held = BUDGETED.budgets.of(BUDGETED.catalogue.by_id["mail"], NOW)
        spending.claim(
            connection, "d1", "mail", held, spending.Cost(0.5), lapses_at=NOW, silence_is_sent=True
        )


def a_thing(dice: random.Random, customer: str, number: int) -> Event:
    properties = {
        "decision_id": dice.choice((None, None, f"d{dice.randrange(50)}")),
        "action_id": dice.choice((None, "mail", "again", "theirs")),
        "message_id": dice.choice((None, "m1", "m2", 3)),
        "weight": dice.choice((1.5, float("inf"))),
    }
    return event(
        f"{customer}-{number}",
        dice.choice(KINDS),
        dice.choice((-400, -100, -91, -30, -3, -1, -0.1, 0, 0.5)),
        customer_id=customer,
        channel=dice.choice((None, "email", "E-Mail", "push")),
        properties={name: value for name, value in properties.items() if value is not None},
    )


def joined(customer: str, visitor: str, days: float) -> Event:
    return event(
        "join", "identity_linked", days, customer_id=customer, anonymous_id=visitor, properties={}
    )


def event(event_id: str, kind: str, days: float, **fields) -> Event:
    given = dict.fromkeys(("anonymous_id", "session_id", "sent_at", "channel", "device", "source"))
    times = {"ts": NOW + timedelta(days=days), "received_at": NOW}
    return Event(event_id=event_id, type=kind, **{**given, **times, **fields})


def plan(connection, dice: random.Random, decision_id: str, customer: str) -> None:
    made_at = NOW - timedelta(days=dice.choice((500, 40, 3, 1, 0, -1)))
    at = made_at + timedelta(hours=dice.choice((0, 5, 30)))
    contacts.plan(
        connection,
        decision_id,
        dice.choice(("mail", "again")),
        channel=dice.choice(("email", "push")),
        customer_id=customer,
        at=at,
        made_at=made_at,
        expires_at=dice.choice((None, at + timedelta(days=1))),
        outcomes=dice.choice((None, {}, {"sent": at}, {"not_sent": at}, {"opened": at})),
    )


def state_of(
    store: Engine, limiter: Limiter, customer: str, moment: datetime, columns: int = 12
) -> Any:
    """As a preview reads it: the rows with the features, the rest behind them."""
    rows = LogFile(store).rows(query_of(columns), (customer, to_micros(moment)))
    return ContactsOfOne(store, limiter).of(customer, moment, rows)


@pytest.mark.parametrize("limiter", [PLAIN, BUDGETED], ids=["plain", "budgets"])
@pytest.mark.parametrize("seed", range(3))
def test_one_customer_has_the_contacts_that_are_read_for_many(
    store: Engine, limiter: Limiter, seed: int
) -> None:
    happen(store, seed)
    many = Contacts(store, limiter)
    goals = 0
    for moment in (NOW, NOW - timedelta(days=2), NOW + timedelta(hours=1)):
        for customer in (*CUSTOMERS, "nobody"):
            state = state_of(store, limiter, customer, moment)
            assert state == state_of(store, limiter, customer, moment, columns=10)
            assert state == many.of(customer, moment)
            goals += bool(state and state.goals)
    assert goals, "no history reached a goal: nothing was compared"
    assert not state_of(store, limiter, "nobody", NOW) or limiter is BUDGETED


def test_what_a_budget_has_spent_is_known_of_a_customer_without_contacts(store: Engine) -> None:
    happen(store, 1)
    state = state_of(store, BUDGETED, "nobody", NOW)
    assert state is not None
    assert [spent.decisions for spent in state.spent.values()] == [1, 1]


def test_a_file_that_is_gone_is_not_answered_from(store: Engine, tmp_path: Path) -> None:
    reader = ContactsOfOne(store, BUDGETED)
    (tmp_path / "retain.db").unlink()
    with pytest.raises(StoreUnavailable):
        reader.of("c1", NOW, ())


def test_a_file_that_others_lock_is_not_waited_for(store: Engine, tmp_path: Path) -> None:
    reader = ContactsOfOne(store, BUDGETED)
    store.dispose()
    with connect(f"sqlite:///{tmp_path}/retain.db").connect() as connection:
        connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable):
            reader.of("c1", NOW, ())
