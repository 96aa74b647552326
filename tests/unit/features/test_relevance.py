"""Which views events of a type can have a part in: never fewer than the features say."""

import pytest

from retain.features.engine import VIEWS
from retain.features.facts import FACTS, TYPES
from retain.features.relevance import views_of
from retain.features.touched import Touched
from retain.vocabulary import vocabulary
from tests.event_tables import AS_OF, event

RICH = {
    "order_id": "o1",
    "total": 10.0,
    "currency": "GBP",
    "lines": [{"product_id": "p", "category": "c", "quantity": 1, "price": 10.0}],
    "product_id": "p",
    "message_id": "m",
    "ticket_id": "t",
    "score": 4,
    "sentiment": 0.5,
    "country": "GB",
    "tier": "gold",
    "plan": "monthly",
}
TOUCHED = Touched()


@pytest.mark.parametrize("event_type", sorted(vocabulary().types))
def test_a_type_has_every_view_that_an_event_of_it_changes(event_type) -> None:
    (changed,) = TOUCHED.views([event(1, event_type, AS_OF, "c", RICH)])
    assert set(changed) <= views_of(event_type)


def test_a_page_view_is_no_matter_of_orders_and_an_order_is_none_of_messages() -> None:
    assert views_of("page_viewed") == {"activity", "sessions"}
    assert views_of("order_completed") == {"orders", "lines", "activity", "sessions", "cart"}
    assert views_of("points_changed") == frozenset()


@pytest.mark.parametrize("event_type", ["consent_withdrawn", "identity_linked", "never heard of"])
def test_consent_links_and_what_nobody_knows_are_about_every_view(event_type) -> None:
    assert views_of(event_type) == set(VIEWS)


def test_the_types_of_every_fact_are_those_in_its_sql() -> None:
    for fact, predicate in TYPES.items():
        source = "fact_sales" if fact in {"fact_orders", "fact_lines"} else fact
        assert predicate in FACTS[source]
