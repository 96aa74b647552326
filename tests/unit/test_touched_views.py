"""The feature views an event has a part in, asked of the features themselves."""

from datetime import UTC, datetime

import pytest

from retain.features.engine import VIEWS
from retain.features.touched import Touched
from tests.event_tables import event

AT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
LINES = [{"product_id": "a", "quantity": 1, "price": 2.0}]
VIEWS_OF = {
    "message_opened": ({"message_id": "m"}, {"messages"}),
    "profile_updated": ({"country": "KR"}, {"profile"}),
    "identity_linked": ({"linked_id": "a1"}, set(VIEWS)),
    "consent_withdrawn": ({"purpose": "profiling"}, set(VIEWS)),
}


@pytest.fixture(scope="module")
def touched():
    return Touched()


@pytest.mark.parametrize("event_type", VIEWS_OF)
def test_an_event_touches_the_views_that_read_it(touched, event_type):
    properties, views = VIEWS_OF[event_type]
    (found,) = touched.views([event(1, event_type, AT, properties=properties)])
    assert set(found) == views


def test_an_order_touches_what_counts_orders_and_their_lines(touched):
    given = {"total": 2.0, "currency": "GBP", "lines": LINES}
    (found,) = touched.views([event(1, "order_completed", AT, properties=given)])
    assert {"orders", "lines", "activity"} <= set(found)
    assert "messages" not in found


def test_events_of_one_batch_do_not_touch_for_each_other(touched):
    both = [
        event(1, "message_sent", AT, properties={"message_id": "m"}),
        event(2, "profile_updated", AT, properties={"country": "KR"}),
    ]
    first, second = touched.views(both)
    assert (first, second) == (["messages"], ["profile"])


def test_nothing_touches_nothing(touched):
    assert touched.views([]) == []
