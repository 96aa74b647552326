"""Situations in the event log: each fires once, when it should, whatever the order of arrival."""

import pytest

from retain.database import connect
from tests.triggered import CART, Shop

PAYMENT = {
    "id": "payment",
    "events": ["payment_failed"],
    "goal": ["order_completed"],
    "cool_down": "1d",
}
BROWSING = {
    "id": "browsing",
    "events": ["product_viewed"],
    "times": 3,
    "within": "1d",
    "after": "1h",
    "goal": ["order_completed", "product_added"],
}
BACK = {"id": "back", "events": ["browsing"], "absent": "60d", "cool_down": "30d"}
UNHAPPY = {
    "id": "unhappy",
    "events": ["review_submitted", "chat_ended"],
    "where": '(type == "review_submitted" and score <= 2) or sentiment <= -0.4',
}


@pytest.fixture
def shop(database_url: str):
    made = []

    def make(*triggers, **config) -> Shop:
        made.append(Shop(connect(database_url), *triggers, **config))
        return made[-1]

    yield make
    for one in made:
        one.engine.dispose()


@pytest.fixture
def cart(shop) -> Shop:
    """Something was just put into a cart."""
    one = shop(CART)
    one.happens("product_added")
    return one


def test_a_cart_that_is_left_fires_after_its_time_and_once(cart) -> None:
    assert cart.look() == 0
    assert cart.timers() == {("cart", "c"): 30.0}
    cart.clock.move(minutes=29.9)
    assert cart.look() == 0
    cart.clock.move(minutes=0.2)
    assert cart.look() == 1
    cart.clock.move(minutes=30)
    assert cart.look() == 0
    assert cart.fired() == [("cart", "c", "fired")]
    assert cart.timers() == {}


def test_what_goes_on_moves_the_timer(cart) -> None:
    cart.look()
    cart.clock.move(minutes=20)
    cart.happens("product_added")
    cart.look()
    assert cart.timers() == {("cart", "c"): 30.0}


def test_an_order_takes_the_timer_away(cart) -> None:
    cart.look()
    cart.clock.move(minutes=10)
    cart.happens("order_completed")
    cart.look()
    assert cart.timers() == {}
    cart.clock.move(hours=2)
    assert cart.look() == 0


def test_an_order_that_came_before_its_cart_counts_as_after_it(shop) -> None:
    one = shop(CART)
    one.happens("order_completed", ago=5)
    one.happens("product_added", ago=10)
    one.clock.move(hours=1)
    assert one.look() == 0


def test_an_order_before_the_cart_does_not_end_it_however_late_it_arrives(shop) -> None:
    one = shop(CART)
    one.happens("product_added", ago=5)
    one.happens("order_completed", ago=10)
    one.clock.move(hours=1)
    assert one.look() == 1


def test_a_late_event_of_the_same_cart_does_not_fire_again(cart) -> None:
    cart.clock.move(minutes=31)
    assert cart.look() == 1
    cart.clock.move(minutes=40)
    cart.happens("product_added", ago=45)
    cart.clock.move(hours=2)
    assert cart.look() == 0


def test_a_new_cart_fires_again_only_after_the_cool_down(cart) -> None:
    cart.clock.move(minutes=31)
    cart.look()
    cart.clock.move(hours=20)
    cart.happens("product_added")
    cart.clock.move(hours=2)
    assert cart.look() == 0
    cart.clock.move(hours=3)
    cart.happens("product_added")
    cart.clock.move(hours=1)
    assert cart.look() == 1


def test_a_duplicate_changes_nothing(shop) -> None:
    one = shop(CART)
    named = one.happens("product_added")
    one.clock.move(minutes=31)
    assert one.look() == 1
    one.happens("product_added", event_id=named)
    one.clock.move(hours=2)
    assert one.look() == 0


def test_a_situation_without_a_wait_fires_at_once(shop) -> None:
    one = shop(PAYMENT)
    one.happens("payment_failed")
    assert one.look() == 1


def test_what_fell_due_long_ago_is_left(shop) -> None:
    one = shop({**CART, "lateness": "2h"})
    one.happens("product_added")
    one.look()
    one.clock.move(hours=3)
    assert one.look() == 0
    assert one.timers() == {}
    one.happens("product_added", ago=600)
    assert one.look() == 0


def test_timers_survive_a_restart_and_fire_late_rather_than_never(cart) -> None:
    cart.look()
    cart.clock.move(hours=1)
    cart.restart()
    assert cart.look() == 1


def test_events_that_came_while_nobody_watched_are_caught_up(cart) -> None:
    cart.clock.move(hours=1)
    cart.restart()
    assert cart.look() == 1


def test_history_from_before_the_first_watch_fires_nothing(shop, database_url) -> None:
    early = shop()
    early.watch = None
    early.happens("product_added")
    with early.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trigger_marks")
    one = shop(CART)
    one.clock.move(hours=1)
    assert one.look() == 0


def test_looking_around_counts_the_views_within_a_day(shop) -> None:
    one = shop(BROWSING)
    one.happens("product_viewed", ago=1_500)
    one.happens("product_viewed", ago=1)
    one.happens("product_viewed")
    one.look()
    assert one.timers() == {}
    one.happens("product_viewed")
    one.look()
    assert one.timers() == {("browsing", "c"): 60.0}


def test_who_puts_something_in_the_cart_is_not_just_looking(shop) -> None:
    one = shop(BROWSING)
    for _ in range(3):
        one.happens("product_viewed")
    one.look()
    one.clock.move(minutes=1)
    one.happens("product_added")
    one.clock.move(hours=2)
    assert one.look() == 0


def test_back_after_an_absence_is_told_from_a_first_visit_and_a_usual_one(shop) -> None:
    one = shop(BACK)
    one.happens("page_viewed", "new")
    one.happens("page_viewed", "usual", ago=20 * 1_440)
    one.happens("page_viewed", "usual")
    one.happens("page_viewed", "back", ago=61 * 1_440)
    one.happens("page_viewed", "back")
    assert one.look() == 1
    assert one.fired() == [("back", "back", "fired")]
    one.clock.move(minutes=1)
    one.happens("page_viewed", "back")
    one.happens("page_viewed", "back", ago=30)
    assert one.look() == 0


def test_a_condition_on_properties_picks_the_events(shop) -> None:
    one = shop(UNHAPPY)
    one.happens("review_submitted", "fine", score=5)
    one.happens("review_submitted", "bad", score=1)
    one.happens("chat_ended", "angry", sentiment=-0.8)
    one.happens("chat_ended", "silent")
    one.look()
    assert {who for _, who, _ in one.fired()} == {"bad", "angry"}


def test_a_visitors_cart_becomes_the_customers_when_they_are_linked(shop) -> None:
    one = shop(CART)
    one.happens("product_added", None, anonymous_id="v")
    one.look()
    assert one.timers() == {}
    one.clock.move(minutes=5)
    one.happens("profile_updated", "c", anonymous_id="v")
    one.look()
    assert one.timers() == {("cart", "c"): 25.0}
    one.clock.move(minutes=1)
    one.happens("order_completed", None, anonymous_id="v")
    one.look()
    assert one.timers() == {}


def test_a_merged_customers_timer_becomes_the_survivors(shop) -> None:
    one = shop(CART)
    one.happens("product_added", "old")
    one.look()
    one.clock.move(minutes=5)
    one.happens("identity_linked", "new", linked_id="old", link_type="customer")
    one.look()
    assert one.timers() == {("cart", "new"): 25.0}
    one.clock.move(minutes=26)
    assert one.look() == 1
    assert one.fired() == [("cart", "new", "fired")]


def test_what_fired_for_a_merged_customer_does_not_fire_for_the_survivor(shop) -> None:
    one = shop(CART)
    one.happens("product_added", "old")
    one.clock.move(minutes=31)
    assert one.look() == 1
    one.happens("identity_linked", "new", linked_id="old", link_type="customer")
    one.clock.move(minutes=31)
    assert one.look() == 0


def test_an_order_under_another_id_of_the_customer_reaches_the_goal(shop) -> None:
    one = shop(CART)
    one.happens("identity_linked", "new", linked_id="old", link_type="customer")
    one.happens("product_added", "old")
    one.look()
    one.clock.move(minutes=1)
    one.happens("order_completed", "new")
    one.clock.move(hours=1)
    assert one.look() == 0


def test_withdrawn_consent_ends_what_waits(cart) -> None:
    cart.look()
    cart.clock.move(minutes=1)
    cart.happens("consent_withdrawn", purpose="marketing")
    cart.clock.move(hours=1)
    assert cart.look() == 0


def test_two_watches_at_once_fire_once(shop, database_url) -> None:
    one, other = shop(CART), shop(CART)
    other.clock = one.clock
    other.restart()
    one.happens("product_added")
    one.look()
    other.look()
    one.clock.move(minutes=31)
    assert one.look() + other.look() == 1
    assert len(one.fired()) == 1


def test_the_watch_reads_a_long_log_in_parts(shop, monkeypatch) -> None:
    monkeypatch.setattr("retain.triggers.watch.READ_AT_ONCE", 3)
    one = shop(CART)
    for number in range(10):
        one.happens("product_added", f"c{number}")
    one.happens("order_completed", "c0", ago=-0)
    one.look()
    assert len(one.timers()) == 9


def test_what_happens_before_the_first_look_but_after_the_start_is_not_missed(shop) -> None:
    # the service begins the watch, and the process that looks may take a while to come up
    one = shop(CART)
    one.happens("product_added")
    other = shop(CART)
    other.clock = one.clock
    other.restart()
    one.clock.move(minutes=31)
    assert other.look() == 1
