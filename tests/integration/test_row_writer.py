"""Writing rows again: what new events change is computed, the rest goes on as it is."""

from datetime import timedelta

import pytest

from feature_repo.online import OnlineReader
from retain.database import connect
from retain.event import to_table
from retain.eventlog import EventLog
from retain.features.engine import VIEWS
from retain.features.reader import LogReader
from retain.settings import load
from tests.event_tables import AS_OF as T0
from tests.event_tables import event

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SOLD = {"order_id": "o", "total": 10.0, "currency": "GBP", "lines": [{"product_id": "p"}]}


class Shop:
    """A log, its online rows, and which views were computed of whom."""

    def __init__(self, home) -> None:
        settings = load({}, home=home)
        self.log = EventLog(connect(settings.database_url))
        self.reader = OnlineReader(settings, self.log)
        self.wanted: dict[str, list[str]] = {}
        self._count = 0

    def tell(self, kind, at, who="c", properties=None, *, marked=True, **more) -> None:
        self._count += 1
        one = event(self._count, kind, at, who, properties or {}, **more)
        self.log.append(to_table([one]), mark_pending=marked)

    def refresh(self, at) -> None:
        batch = self.log.waiting.batch(100)
        self.reader.write(list(batch.seqs), at, batch.first)
        self.log.waiting.reflected(batch.seqs, partly=batch.first)

    def row(self, at, who="c") -> dict:
        (row,) = self.reader.read([who], at).table.to_pylist()
        return row

    def computed(self, at, who="c") -> dict:
        (row,) = LogReader(self.log).read([who], at).table.to_pylist()
        return row


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    made = Shop(tmp_path)
    views = LogReader.views

    def told(reader, told, wanted, as_of):
        made.wanted = dict(wanted)
        return views(reader, told, wanted, as_of)

    monkeypatch.setattr(LogReader, "views", told)
    for who in ("c", "d"):
        made.tell("order_completed", T0 - 40 * DAY, who, {**SOLD, "order_id": who})
        made.tell("message_sent", T0 - 2 * DAY, who, {"message_id": f"m-{who}"})
    made.refresh(T0)
    assert set(made.wanted) == set(VIEWS)
    return made


def test_a_page_view_computes_activity_and_sessions_and_every_view_is_of_the_new_moment(shop):
    later = T0 + MINUTE
    shop.tell("page_viewed", later)
    shop.refresh(later)
    assert shop.wanted == {"activity": ["c"], "sessions": ["c"]}
    assert shop.row(later) == shop.computed(later)
    assert shop.reader.read(["c"], later).features_as_of == {"c": later}


def test_everybody_is_computed_for_the_views_of_their_own_events(shop):
    later = T0 + MINUTE
    shop.tell("message_opened", later, "c", {"message_id": "m-c"})
    shop.tell("order_completed", later, "d", {**SOLD, "order_id": "again"})
    shop.refresh(later)
    assert shop.wanted["messages"] == ["c"]
    assert shop.wanted["orders"] == shop.wanted["cart"] == ["d"]
    assert {one: shop.row(later, one) for one in "cd"} == {
        one: shop.computed(later, one) for one in "cd"
    }


def test_a_late_event_is_computed_although_its_time_is_before_the_row(shop):
    shop.tell("order_completed", T0 - 3 * DAY, "c", {**SOLD, "order_id": "late"})
    shop.refresh(T0 + MINUTE)
    assert shop.row(T0 + MINUTE)["orders_lifetime"] == 2


def test_an_event_that_nobody_marked_is_not_hidden_by_one_that_was(shop):
    shop.tell("order_completed", T0 + MINUTE, "c", {**SOLD, "order_id": "i"}, marked=False)
    shop.tell("page_viewed", T0 + 2 * MINUTE)
    shop.refresh(T0 + 2 * MINUTE)
    assert shop.row(T0 + 2 * MINUTE)["orders_lifetime"] == 2


def test_a_view_whose_window_edge_has_passed_is_computed_with_the_others(shop):
    later = T0 + 51 * DAY
    shop.tell("page_viewed", later)
    shop.refresh(later)
    assert "orders" in shop.wanted
    assert shop.row(later)["orders_90d"] == 0
    assert shop.row(later) == shop.computed(later)


def test_of_whoever_withdrew_nothing_is_computed_until_they_consent_again(shop):
    shop.tell("consent_withdrawn", T0 + MINUTE, channel=None)
    shop.refresh(T0 + MINUTE)
    shop.tell("product_viewed", T0 + 2 * MINUTE, "c", {"product_id": "p"})
    shop.wanted = {}
    shop.refresh(T0 + 2 * MINUTE)
    assert shop.wanted == {}
    assert shop.row(T0 + 2 * MINUTE) == shop.computed(T0 + 2 * MINUTE)
    shop.tell("consent_given", T0 + 3 * MINUTE, channel=None)
    shop.refresh(T0 + 3 * MINUTE)
    assert shop.row(T0 + 3 * MINUTE)["orders_lifetime"] == 1
    assert shop.row(T0 + 3 * MINUTE) == shop.computed(T0 + 3 * MINUTE)


def test_who_is_joined_to_another_is_computed_as_a_whole(shop):
    later = T0 + MINUTE
    shop.tell("identity_linked", later, "c", {"linked_id": "d", "link_type": "customer"})
    shop.refresh(later)
    assert shop.row(later)["orders_lifetime"] == 2
    assert set(shop.wanted) == set(VIEWS)
    shop.tell("page_viewed", later + MINUTE, "d")
    shop.refresh(later + MINUTE)
    assert shop.wanted == {"activity": ["c"], "sessions": ["c"]}
    assert shop.row(later + MINUTE) == shop.computed(later + MINUTE)
