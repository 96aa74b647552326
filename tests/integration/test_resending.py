"""Dead deliveries sent again: under the same id, counted again, and never past a limit."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from retain.database import connect, reading
from retain.decisions import audit
from retain.decisions.caps import Limiter
from retain.decisions.contacts import contacts
from retain.decisions.feedback import Feedback, feedback
from retain.decisions.ranking import Ranker
from retain.decisions.spending import spending
from retain.decisions.store import Decisions
from retain.errors import Conflict, NotFound
from retain.triggers.resending import Resending, listed
from retain.triggers.settlement import Settlement
from services.trigger_engine import settled
from tests.catalogues import action, catalogue, customers
from tests.triggered import CART, Shop

CATALOGUE = catalogue(
    action("offer", lever=3, valid_hours=48, contact_cost=1, cap={"limit": 1, "days": 7}),
    action("mail", lever=2),
    contact_cap={"limit": 1, "days": 1},
    budget={"count": 2, "per": "day"},
    reachable_by_default=["email"],
)


@pytest.fixture
def shop(database_url: str):
    trigger = {**CART, "after": "0", "hand_over": "at_once"}
    one = Shop(connect(database_url), trigger, pull={"lease": "1m", "attempts": 1})
    yield one
    one.engine.dispose()


@pytest.fixture
def resending(shop) -> Resending:
    return Resending(shop.engine, Limiter(CATALOGUE), shop.clock)


def reserved(shop: Shop, customer_id: str = "c"):
    ranking = Ranker(CATALOGUE).rank(customers({}), [customer_id], now=shop.clock.now)
    return Decisions(shop.engine).reserve(ranking, request={})


def give_back(shop: Shop) -> None:
    """What the engine does every second."""
    settled(Settlement(shop.engine), Feedback(shop.engine, clock=shop.clock))


@pytest.fixture
def dead(shop) -> str:
    """A delivery nobody acknowledged, its contact given back."""
    shop.happens("product_added")
    shop.look()
    assert shop.decide_by(lambda one: reserved(shop, one.customer_id).answer()) == 1
    [named] = shop.pull()
    shop.clock.move(minutes=2)
    assert shop.pull() == []
    give_back(shop)
    assert shop.states() == ["dead"]
    return named


def counted(shop: Shop) -> tuple[int, int]:
    """How many contacts count, and how many decisions the budget has paid for."""
    with reading(shop.engine) as connection:
        held = select(func.count()).where(contacts.c.released.is_(False))
        paid = select(func.coalesce(func.sum(spending.c.decisions), 0))
        return connection.scalar(held) or 0, int(connection.scalar(paid) or 0)


def test_a_dead_delivery_is_given_out_again_under_its_id_and_counts_as_a_contact(
    shop, dead, resending
) -> None:
    assert counted(shop) == (0, 0)
    resending.again(dead)
    assert counted(shop) == (1, 1)
    assert shop.pull() == [dead]
    assert shop.deliveries.acknowledge([dead]) == ["acknowledged"]
    with reading(shop.engine) as connection:
        assert audit.broken(connection, CATALOGUE) == []
        assert connection.scalar(select(func.count()).select_from(feedback)) == 0


def test_one_that_dies_again_gives_its_contact_back_again(shop, dead, resending) -> None:
    for _ in range(2):
        resending.again(dead)
        assert shop.pull() == [dead]
        shop.clock.move(minutes=2)
        assert shop.pull() == []
        give_back(shop)
        assert (shop.states(), counted(shop)) == (["dead"], (0, 0))


def test_where_another_contact_was_made_meanwhile_the_cap_forbids_it(shop, dead, resending) -> None:
    assert reserved(shop).action_id == "offer"
    with pytest.raises(Conflict, match="offer is forbidden by now: cap_action"):
        resending.again(dead)
    assert (shop.states(), counted(shop)) == (["dead"], (1, 1))


def test_a_budget_that_others_used_up_forbids_it_and_nothing_is_taken(
    shop, dead, resending
) -> None:
    for number in range(2):
        reserved(shop, f"other{number}")
    with pytest.raises(Conflict, match="forbidden by now: budget"):
        resending.again(dead)
    assert counted(shop) == (2, 2)


def test_what_was_claimed_in_a_period_that_is_over_has_to_fit_there(shop, dead, resending) -> None:
    for number in range(2):
        reserved(shop, f"other{number}")
    shop.clock.move(hours=24)
    with pytest.raises(Conflict, match="forbidden by now: budget"):
        resending.again(dead)
    assert counted(shop) == (2, 2)


def test_who_unsubscribed_meanwhile_is_not_written_to(shop, dead, resending) -> None:
    shop.hears("unsubscribed")
    with pytest.raises(Conflict, match="forbidden by now: suppressed"):
        resending.again(dead)


def test_a_goal_reached_meanwhile_withdraws_it_instead(shop, dead, resending) -> None:
    shop.happens("order_completed")
    resending.again(dead)
    assert shop.pull() == []
    assert shop.states() == ["withdrawn"]
    give_back(shop)
    assert counted(shop) == (0, 0)


def test_one_whose_decision_has_expired_stays_dead(shop, dead, resending) -> None:
    shop.clock.move(days=3)
    with pytest.raises(Conflict, match="expired at 2026-11-23"):
        resending.again(dead)
    assert shop.states() == ["dead"]


def test_only_dead_ones_whose_contact_was_given_back_are_sent_again(shop, dead, resending) -> None:
    resending.again(dead)
    with pytest.raises(Conflict, match="is pending"):
        resending.again(dead)
    shop.pull()
    shop.clock.move(minutes=2)
    shop.pull()
    with pytest.raises(Conflict, match="was not given back yet"):
        resending.again(dead)
    with pytest.raises(NotFound, match="no delivery"):
        resending.again("another")


def test_what_the_receiver_says_was_not_sent_is_not_sent_again(shop, dead, resending) -> None:
    [one] = listed(shop.engine)
    with reading(shop.engine) as connection:
        decision_id = connection.scalar(select(contacts.c.decision_id))
    told = {"decision_id": decision_id, "action_id": one["action_id"], "outcome": "not_sent"}
    Feedback(shop.engine, clock=shop.clock).record([{"feedback_id": "crm", **told}])
    with pytest.raises(Conflict, match="feedback says that it was not sent"):
        resending.again(dead)
    assert counted(shop) == (0, 0)


def test_dead_ones_are_listed_with_their_reason(shop, dead) -> None:
    [one] = listed(shop.engine)
    assert (one["delivery_id"], one["state"], one["attempts"]) == (dead, "dead", 1)
    assert one["why"] == "taken 1 times and never acknowledged"
    assert listed(shop.engine, ("pending",)) == []


def test_asking_while_it_is_decided_for_the_customer_never_breaks_a_cap(
    shop, dead, resending, database_url
) -> None:
    def ask(number: int) -> str:
        try:
            if number == 3:
                resending.again(dead)
                return "again"
            return reserved(shop).action_id
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(ask, range(8)))
    assert sorted(one for one in made if one in ("again", "offer", "mail")) in (
        ["again"],
        ["offer"],
    )
    with reading(shop.engine) as connection:
        assert audit.broken(connection, CATALOGUE) == []
