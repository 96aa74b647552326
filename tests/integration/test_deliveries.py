"""Deliveries: given out once at a time, again when forgotten, never after the goal."""

import threading
from datetime import timedelta

import pytest

from retain.clock import iso, to_micros
from retain.database import connect, reading
from retain.triggers.circuits import FAILURES, Circuits
from retain.triggers.deliveries import Deliveries
from retain.triggers.firings import Firings
from retain.triggers.happenings import Owners
from retain.triggers.holding import hold
from retain.triggers.settlement import Settlement
from retain.triggers.withdrawal import ended_since
from tests.triggered import CART, Shop, answer

LEASE = timedelta(minutes=1)
NOW_CART = {**CART, "after": "0", "hand_over": "at_once"}


@pytest.fixture
def shop(database_url: str):
    one = Shop(connect(database_url), NOW_CART, pull={"lease": "1m", "attempts": 3})
    yield one
    one.engine.dispose()


def held(shop: Shop, customer_id: str = "c") -> None:
    """One delivery of this customer."""
    shop.happens("product_added", customer_id)
    assert shop.look() == 1
    assert shop.decide() == 1


def test_what_was_pulled_is_hidden_until_its_lease_is_over(shop) -> None:
    held(shop)
    first = shop.pull()
    assert len(first) == 1
    assert shop.pull() == []
    shop.clock.move(seconds=61)
    assert shop.pull() == first


def test_what_was_acknowledged_is_not_given_out_again(shop) -> None:
    held(shop)
    [one] = shop.pull()
    assert shop.deliveries.acknowledge([one, "unknown"]) == ["acknowledged", "unknown"]
    assert shop.deliveries.acknowledge([one]) == ["duplicate"]
    shop.clock.move(hours=1)
    assert shop.pull() == []
    assert shop.states() == ["delivered"]


def test_an_order_before_the_pull_withdraws_the_decision_even_unread(shop) -> None:
    held(shop)
    shop.happens("order_completed")
    assert shop.pull() == []
    assert shop.states() == ["withdrawn"]
    assert [state for *_, state in shop.fired()] == ["withdrawn"]


def test_an_order_that_the_watch_reads_withdraws_what_waits(shop) -> None:
    held(shop)
    shop.happens("order_completed")
    shop.look()
    assert shop.states() == ["withdrawn"]
    unsettled = Settlement(shop.engine).unsettled()
    assert [one.action_id for one in unsettled] == ["mail"]
    Settlement(shop.engine).settle([one.delivery_id for one in unsettled])
    assert Settlement(shop.engine).unsettled() == []


def test_an_order_while_somebody_has_it_ends_it_when_it_comes_back(shop) -> None:
    held(shop)
    [one] = shop.pull()
    shop.happens("order_completed")
    shop.look()
    assert shop.states() == ["pending"]
    assert shop.deliveries.tidy() == 0
    shop.clock.move(seconds=61)
    assert shop.deliveries.tidy() == 1
    assert shop.states() == ["withdrawn"]
    assert shop.deliveries.acknowledge([one]) == ["withdrawn"]


def test_a_new_cart_counts_once_the_one_before_turns_out_to_be_withdrawn(shop) -> None:
    held(shop)
    shop.pull()
    shop.clock.move(seconds=5)
    shop.happens("order_completed")
    shop.clock.move(seconds=5)
    shop.happens("product_added")
    # the first is still in somebody's hands: had it been acknowledged, it would be too soon
    assert shop.look() == 0
    shop.clock.move(seconds=61)
    shop.deliveries.tidy()
    assert shop.look() == 1


def test_what_arrived_in_time_stays_delivered_whatever_comes_later(shop) -> None:
    held(shop)
    shop.deliveries.acknowledge(shop.pull())
    shop.happens("order_completed")
    shop.look()
    assert shop.states() == ["delivered"]


def test_an_order_before_the_decision_ends_the_firing(shop) -> None:
    shop.happens("product_added")
    shop.look()
    shop.happens("order_completed")
    shop.look()
    assert shop.decide() == 0
    assert [state for *_, state in shop.fired()] == ["withdrawn"]


def test_a_goal_reached_while_deciding_gives_the_contact_back(shop) -> None:
    shop.happens("product_added")
    shop.look()
    [firing] = Firings(shop.engine).waiting(shop.clock.now, 10)
    shop.happens("order_completed")
    shop.look()
    decided = answer(firing.firing_id, "c", shop.clock.now)
    given = (shop.engine, firing, decided, shop.triggers.situations["cart"])
    assert not hold(*given, to_micros(shop.clock.now))
    assert not hold(*given, to_micros(shop.clock.now))
    assert shop.states() == ["withdrawn"]
    assert len(Settlement(shop.engine).unsettled()) == 1


def test_a_withdrawn_situation_starts_no_cool_down(shop) -> None:
    held(shop)
    shop.clock.move(minutes=1)
    shop.happens("order_completed")
    shop.look()
    shop.clock.move(minutes=1)
    held(shop)
    assert len(shop.pull()) == 1


def test_what_is_never_acknowledged_is_dead_after_so_many_times(shop) -> None:
    held(shop)
    for _ in range(3):
        assert len(shop.pull()) == 1
        shop.clock.move(seconds=61)
    assert shop.pull() == []
    assert shop.states() == ["dead"]
    assert len(Settlement(shop.engine).unsettled()) == 1
    assert Settlement(shop.engine).waiting() == {("pull", "dead"): 1}


def test_what_nobody_takes_expires(shop) -> None:
    held(shop)
    shop.clock.move(days=3)
    assert shop.deliveries.tidy() == 1
    assert shop.pull() == []
    assert shop.states() == ["expired"]


def test_ended_ones_do_not_take_the_place_of_others(shop) -> None:
    for number in range(6):
        held(shop, f"c{number}")
    for number in range(4):
        shop.happens("order_completed", f"c{number}")
    assert len(shop.pull(2)) == 2


def test_the_goal_of_the_action_ends_what_is_not_delivered_like_that_of_the_trigger(shop) -> None:
    goals = {"mail": frozenset({"review_submitted"})}
    shop.deliveries = Deliveries(shop.engine, shop.triggers, shop.clock, goals)
    held(shop, "c0")
    held(shop, "c1")
    shop.happens("review_submitted", "c0")
    assert len(shop.pull()) == 1
    assert sorted(shop.states()) == ["pending", "withdrawn"]


@pytest.mark.parametrize("outcome", ["unsubscribed", "complained"])
def test_an_unsubscribe_told_as_feedback_withdraws_what_waits_for_this_customer(
    shop, outcome
) -> None:
    held(shop, "c0")
    held(shop, "c1")
    shop.hears(outcome, "c0")
    assert len(shop.pull()) == 1
    assert sorted(shop.states()) == ["pending", "withdrawn"]
    assert len(Settlement(shop.engine).unsettled()) == 1


def test_an_unsubscribe_that_is_told_late_withdraws_what_was_decided_without_it(shop) -> None:
    held(shop)
    shop.hears("unsubscribed", ago=60 * 24)
    assert shop.pull() == []


def test_an_unsubscribe_told_before_the_situation_began_does_not_end_it(shop) -> None:
    shop.hears("unsubscribed")
    shop.clock.move(minutes=1)
    held(shop)
    assert len(shop.pull()) == 1


def test_an_unsubscribe_told_as_feedback_ends_what_fired_and_is_not_decided_yet(shop) -> None:
    shop.happens("identity_linked", "c", linked_id="old", link_type="customer")
    shop.happens("product_added")
    assert shop.look() == 1
    [firing] = Firings(shop.engine).waiting(shop.clock.now, 10)

    def ended(ends: frozenset[str]) -> bool:
        with reading(shop.engine) as connection:
            owners = Owners.among(connection, [firing.customer_id])
            return ended_since(connection, owners, ends, firing.since)

    ends = shop.triggers.situations["cart"].ends
    assert not ended(ends)
    shop.hears("unsubscribed", "old")
    assert ended(ends)
    assert not ended(frozenset({"order_completed", "message_complained"}))


def test_a_decision_is_held_until_its_time_of_sending(database_url) -> None:
    one = Shop(connect(database_url), {**NOW_CART, "hand_over": "at_send_time"})
    one.happens("product_added")
    one.look()
    one.decide(send_at=iso(one.clock.now + timedelta(hours=10)))
    assert one.pull() == []
    one.clock.move(hours=10)
    assert len(one.pull()) == 1


def test_a_decision_to_do_nothing_is_not_delivered_and_counts_as_fired(shop) -> None:
    shop.happens("product_added")
    shop.look()
    assert shop.decide("none") == 0
    assert shop.pull() == []
    shop.clock.move(hours=1)
    shop.happens("product_added")
    assert shop.look() == 0


def test_pullers_at_once_never_get_the_same(shop, database_url) -> None:
    for number in range(12):
        held(shop, f"c{number}")
    found: list[str] = []

    def pull() -> None:
        engine = connect(database_url)
        own = Deliveries(engine, shop.triggers, shop.clock)
        found.extend(one.delivery_id for _ in range(6) for one in own.take("pull", 2, LEASE))
        engine.dispose()

    threads = [threading.Thread(target=pull) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == len(set(found)) == 12


def test_a_circuit_opens_after_failures_and_lets_one_try(shop) -> None:
    circuits = Circuits(shop.engine, shop.clock)
    assert circuits.room("crm", 4) == 4
    for number in range(FAILURES):
        assert circuits.failed("crm") is (number == FAILURES - 1)
    assert circuits.room("crm", 4) == 0
    assert Circuits(shop.engine, shop.clock).room("crm", 4) == 0
    assert circuits.room("other", 4) == 4
    shop.clock.move(seconds=31)
    assert circuits.room("crm", 4) == 1
    circuits.succeeded("crm")
    assert circuits.room("crm", 4) == 4


def test_an_endpoint_that_is_gone_is_left_alone_at_once(shop) -> None:
    circuits = Circuits(shop.engine, shop.clock)
    assert circuits.failed("crm", gone=True)
    shop.clock.move(minutes=9)
    assert circuits.room("crm", 4) == 0
