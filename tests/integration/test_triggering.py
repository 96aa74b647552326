"""The whole engine over a real home: events in, decisions at a webhook and for who pulls."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from retain.clock import iso, now
from retain.database import connect
from retain.decisions.contacts import contacts
from retain.event import Event, read_event, to_row
from retain.eventlog import EventLog
from retain.exclusive import Exclusive
from retain.settings import PROJECT_CONFIG, Settings
from retain.triggers import declaration
from retain.triggers.deliveries import Deliveries
from retain.triggers.tables import deliveries, firings, marks
from services.deliveries import Held
from services.metrics import Metrics
from services.refresher_process import RefresherProcess
from services.triggering import MODULE, TURN, composed
from tests.tiny_home import make_home
from tests.triggered import NAMES
from tests.webhook_receiver import DROP, Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WITHIN_SECONDS = 120
PAYMENT = {
    "id": "payment",
    "names": NAMES,
    "enabled": True,
    "events": ["payment_failed"],
    "goal": ["order_completed"],
    "hand_over": "at_once",
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Settings:
    return make_home(tmp_path_factory.mktemp("prepared") / "home", customers=30)


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def settings(prepared, tmp_path, receiver, monkeypatch) -> Settings:
    """A home of the test's own whose clock is the real one."""
    monkeypatch.setenv("RETAIN_TEST_SECRET", SECRET)
    home, config = tmp_path / "home", tmp_path / "config"
    shutil.copytree(prepared.home, home)
    shutil.copytree(PROJECT_CONFIG, config)
    endpoint = {"url": receiver.url, "secret": "RETAIN_TEST_SECRET", "timeout": "2s"}
    told = {
        "endpoints": {"crm": {**endpoint, "first_wait": "0.2s", "longest_wait": "1s"}},
        "triggers": [
            {**PAYMENT, "deliver_to": "crm"},
            {**PAYMENT, "id": "compared", "events": ["products_compared"], "deliver_to": "pull"},
        ],
    }
    (config / "triggers.yaml").write_text(yaml.safe_dump(told))
    return replace(
        prepared,
        home=home,
        config=config,
        database_url=f"sqlite:///{home / 'retain.db'}",
        online_url=f"sqlite:///{home / 'feast' / 'packed.db'}",
        as_of=None,
    )


def customers(log: EventLog, most: int) -> list[str]:
    return log.customers_after("", most)


def happens(log: EventLog, kind: str, customer_id: str, **told) -> None:
    record = {
        "event_id": f"{kind}-{customer_id}-{time.time_ns()}",
        "type": kind,
        "customer_id": customer_id,
        "timestamp": iso(now()),
        **told,
    }
    event = read_event(record, now(), live=True)
    assert isinstance(event, Event), event
    log.append_rows([to_row(event)], mark_pending=True)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def accepted(receiver: Receiver) -> dict[str, list[str]]:
    """Per customer, the delivery ids that came."""
    found: dict[str, list[str]] = {}
    for one in receiver.received:
        data = json.loads(one.body)["data"]
        found.setdefault(data["customer_id"], []).append(data["delivery_id"])
    return found


def test_a_payment_that_fails_is_decided_with_it_in_mind_and_delivered(settings, receiver) -> None:
    engine = connect(settings.database_url)
    log = EventLog(engine)
    works = composed(settings, Metrics(), Exclusive(engine, TURN, Path(settings.home)), now)
    works.step()
    [one] = customers(log, 1)
    happens(log, "payment_failed", one)
    until(lambda: works.step() == 0 and bool(receiver.received))
    data = json.loads(receiver.received[0].body)["data"]
    assert (data["trigger"], data["customer_id"]) == ("payment", one)
    # a decision that did not know of the failure could not have come to this
    assert data["decision"]["actions"][0]["action_id"] == "payment_help_email"
    works.stop()
    works.run()


def test_a_decision_held_for_pulling_gives_its_contact_back_when_the_goal_is_reached(
    settings,
) -> None:
    engine = connect(settings.database_url)
    log = EventLog(engine)
    works = composed(settings, Metrics(), Exclusive(engine, TURN, Path(settings.home)), now)
    works.step()
    who = customers(log, 30)
    for one in who:
        happens(log, "products_compared", one)

    def decided() -> bool:
        works.step()
        query = select(firings.c.state)
        with engine.connect() as connection:
            return "fired" not in set(connection.scalars(query))

    until(decided)
    with engine.connect() as connection:
        held = connection.execute(select(deliveries)).all()
    assert held, "nobody of thirty is worth a contact"
    for one in who:
        happens(log, "order_completed", one, total=5.0, currency="GBP")
    triggers = declaration.load(settings.config)
    pulled = Held(Deliveries(engine, triggers, now), timedelta(minutes=1), Metrics("test")).take(
        100, None
    )
    assert pulled == {"deliveries": []}

    def released() -> bool:
        works.step()
        ids = [one.decision_id for one in held]
        query = select(contacts.c.released).where(contacts.c.decision_id.in_(ids))
        with engine.connect() as connection:
            return all(connection.scalars(query))

    until(released)
    works.stop()
    works.run()


def test_two_processes_one_killed_deliver_everything_once_taken(settings, receiver) -> None:
    engine = connect(settings.database_url)
    log = EventLog(engine)
    who = customers(log, 12)
    receiver.answers = [500, DROP, 500]
    running = [RefresherProcess(settings, module=MODULE) for _ in range(2)]
    running[0].start()
    try:
        until(lambda: _position(engine) is not None)
        running[1].start()
        for one in who[:6]:
            happens(log, "payment_failed", one)
        until(lambda: len(accepted(receiver)) >= 2)
        killed = running[0]._child.pid
        running[0]._stopping.set()
        os.kill(killed, signal.SIGKILL)
        for one in who[6:]:
            happens(log, "payment_failed", one)
        until(lambda: _states(engine) == {"delivered": 12})
    finally:
        for one in running:
            one.stop()
    found = accepted(receiver)
    assert set(found) == set(who)
    # tried again, and never under another id
    assert all(len(set(ids)) == 1 for ids in found.values())


def _position(engine) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(select(marks.c.seq))


def _states(engine) -> dict[str, int]:
    with engine.connect() as connection:
        told = list(connection.scalars(select(deliveries.c.state)))
    return {one: told.count(one) for one in told}
