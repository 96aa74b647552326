"""Who belongs to whom, kept beside the log and read online: merges, their undoing, and visitors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import inspect, text

from feature_repo.online import OnlineReader
from retain.clock import to_micros
from retain.database import connect, reading, writing
from retain.event import Event, to_table
from retain.eventlog import EventLog
from retain.features.engine import FeatureEngine, keys_of
from retain.features.reader import Features, LogReader
from retain.identity import Member
from retain.logged import to_rows
from retain.settings import load
from tests.event_tables import event

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Shop:
    """A log, its online rows, and a refresher that runs when it is told to."""

    def __init__(self, home: Path, url: str) -> None:
        self.settings = load({"RETAIN_DATABASE_URL": url}, home=home)
        self.log = EventLog(connect(self.settings.database_url))
        self.time = NOON
        self.reader = OnlineReader(self.settings, self.log, clock=lambda: self.time)

    def tell(self, *events: Event) -> set[str]:
        rows = to_rows(to_table(events))
        return self.log.append_rows(rows, mark_pending=True).touched.everybody()

    def refresh(self) -> None:
        while (batch := self.log.waiting.batch(1_000)).seqs:
            self.reader.write(list(batch.seqs), self.time, batch.first)
            self.log.waiting.reflected(batch.seqs, partly=batch.first)

    def read(self, *ids: str) -> Features:
        return self.reader.read(list(ids), self.time)

    def value(self, name: str, *ids: str) -> list[Any]:
        found: list[Any] = self.read(*ids).table.column(name).to_pylist()
        return found

    def close(self) -> None:
        self.reader.close()
        self.log.engine.dispose()


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    shop = Shop(tmp_path, database_url)
    yield shop
    shop.close()


_number = iter(range(10_000))


def test_a_withdrawal_and_a_link_are_in_the_next_answer_although_nobody_refreshed(
    shop: Shop,
) -> None:
    shop.tell(order("a", NOON - MINUTE), order("b", NOON - MINUTE))
    shop.refresh()
    shop.time += MINUTE
    purpose = {"purpose": "profiling"}
    withdrawal = event(next(_number), "consent_withdrawn", NOON, "b", purpose)
    shop.tell(order("a", NOON), withdrawal)
    assert shop.value("orders_lifetime", "a", "b") == [1.0, 0.0]
    told = {"linked_id": "c", "link_type": "customer"}
    shop.tell(order("c", NOON), event(next(_number), "identity_linked", NOON, "a", told))
    assert shop.value("orders_lifetime", "a") == [3.0]


def order(who: str, at: datetime) -> Event:
    number = next(_number)
    return event(number, "order_completed", at, who, {"order_id": f"o{number}", "total": 10.0})


def link(into: str, member: str, kind: str = "customer", at: datetime = NOON) -> Event:
    told = {"linked_id": member, "link_type": kind}
    return event(next(_number), "identity_linked", at, into, told)


def unlink(into: str, member: str, at: datetime = NOON) -> Event:
    return event(next(_number), "identity_unlinked", at, into, {"linked_id": member})


def visit(visitor: str, at: datetime = NOON) -> Event:
    return event(next(_number), "page_viewed", at, None, anonymous_id=visitor)


def test_an_id_merged_away_is_answered_as_its_surviving_customer(shop: Shop) -> None:
    shop.tell(order("old", NOON - MINUTE), order("new", NOON - MINUTE), order("z", NOON))
    shop.refresh()
    shop.tell(link("new", "old"))
    shop.refresh()
    found = shop.read("old", "z", "new", "nobody")
    assert found.table.column("customer_id").to_pylist() == ["old", "z", "new"]
    assert found.table.column("orders_lifetime").to_pylist() == [2, 1, 2]
    assert (found.merged_into, found.unknown) == ({"old": "new"}, ["nobody"])
    assert found.features_as_of["old"] == found.features_as_of["new"]


def test_a_moment_before_the_merge_is_answered_as_it_was(shop: Shop) -> None:
    shop.tell(order("old", NOON - 3 * MINUTE), order("new", NOON - 3 * MINUTE), link("new", "old"))
    shop.refresh()
    before = shop.reader.read(["old", "new"], NOON - MINUTE)
    assert before.table.column("orders_lifetime").to_pylist() == [1, 1]
    assert before.merged_into == {}


def test_a_link_marks_who_is_affected_and_nobody_else(shop: Shop) -> None:
    shop.tell(order("old", NOON), order("new", NOON), order("z", NOON))
    assert shop.tell(link("new", "old")) == {"new"}
    assert shop.tell(unlink("new", "old", NOON + MINUTE)) == {"new", "old"}


def test_an_event_of_an_id_merged_away_marks_the_survivor(shop: Shop) -> None:
    shop.tell(order("old", NOON), link("new", "old"))
    shop.refresh()
    assert shop.tell(order("old", NOON)) == {"new"}
    assert set(shop.log.pending()) == {"new"}
    assert shop.log.pending_among(["old", "z"]) == {"old"}


def test_an_event_of_a_linked_visitor_marks_the_customer(shop: Shop) -> None:
    assert shop.tell(visit("v")) == set()
    assert shop.tell(order("c", NOON), link("c", "v", "anonymous")) == {"c"}
    shop.refresh()
    assert shop.tell(visit("v", NOON + MINUTE), visit("w")) == {"c"}


def test_a_link_told_together_with_events_of_both_marks_the_survivor_alone(shop: Shop) -> None:
    assert shop.tell(order("old", NOON), order("new", NOON), link("new", "old")) == {"new"}


def test_a_visitor_that_is_linked_to_another_marks_both(shop: Shop) -> None:
    shop.tell(visit("v"), order("a", NOON), order("b", NOON), link("a", "v", "anonymous"))
    assert shop.tell(link("b", "v", "anonymous", NOON + MINUTE)) == {"a", "b"}


def test_visits_before_signing_in_are_read_online(shop: Shop) -> None:
    shop.tell(visit("v", NOON - MINUTE), order("c", NOON))
    shop.refresh()
    before = shop.value("visit_recency_at", "c"), shop.value("tenure_at", "c")
    shop.tell(link("c", "v", "anonymous"))
    shop.refresh()
    assert (shop.value("visit_recency_at", "c"), shop.value("tenure_at", "c")) == (
        before[0],
        [to_micros(NOON - MINUTE)],
    )


def test_an_imported_event_of_a_member_is_noticed(shop: Shop) -> None:
    shop.tell(order("old", NOON - MINUTE), link("new", "old", at=NOON - MINUTE))
    shop.time = NOON - MINUTE
    shop.refresh()
    shop.log.append(to_table([order("old", NOON)]))
    shop.time = NOON
    assert shop.value("orders_lifetime", "new") == [2]


def test_a_merge_undone_gives_both_back_what_they_had(shop: Shop) -> None:
    shop.tell(order("old", NOON - MINUTE), order("new", NOON - MINUTE), order("new", NOON))
    shop.refresh()
    before = shop.read("old", "new")
    shop.tell(link("new", "old"))
    shop.refresh()
    assert shop.value("orders_lifetime", "old") == [3]
    shop.time = NOON + MINUTE
    shop.tell(unlink("new", "old", shop.time))
    shop.refresh()
    again = shop.reader.read(["old", "new"], shop.time)
    assert again.merged_into == {}
    for name in ("orders_lifetime", "net_spend_lifetime", "order_recency_at", "last_products"):
        assert again.table.column(name).equals(before.table.column(name))


def test_a_row_of_who_is_merged_away_is_not_written(shop: Shop) -> None:
    shop.tell(order("old", NOON), link("new", "old"))
    shop.reader.write(["old", "new"], NOON)
    rows = shop.reader._reader.read_table(["old", "new"], NOON)
    assert rows.ages.present.all(axis=1).tolist() == [False, True]


def test_online_equals_a_batch_over_the_same_log(shop: Shop) -> None:
    shop.tell(
        *[order(who, NOON - n * MINUTE) for n, who in enumerate("abcdab")],
        *[visit(v, NOON - n * MINUTE) for n, v in enumerate("vwv")],
        link("a", "b", at=NOON - MINUTE),
        link("c", "a", at=NOON),
        link("b", "v", "anonymous", NOON),
        link("d", "w", "anonymous", NOON),
        unlink("c", "a", NOON + MINUTE),
    )
    ids = list("abcd")
    events = pa.concat_tables(shop.log.after(0))
    for at in (NOON - MINUTE, NOON, NOON + MINUTE):
        with FeatureEngine(events) as engine:
            batch = engine.table(keys_of(ids, at))
        assert LogReader(shop.log).read(ids, at).table.to_pylist() == batch.to_pylist()


def test_links_come_in_any_order_and_over_any_number_of_appends(tmp_path: Path) -> None:
    told = [
        link("b", "a", at=NOON),
        link("d", "c", at=NOON + MINUTE),
        link("c", "b", at=NOON + 2 * MINUTE),
        link("b", "v", "anonymous", NOON),
        unlink("c", "b", NOON + 3 * MINUTE),
    ]
    found = []
    for number, events in enumerate((told, told[::-1], told[2:] + told[:2])):
        log = EventLog(connect(f"sqlite:///{tmp_path / f'{number}.db'}"))
        for one in events[: 5 if number else 0]:
            log.append(to_table([one]))
        log.append(to_table(events))
        people = log.people(["a"])
        found.append([people.customer("a", to_micros(NOON + n * MINUTE)) for n in range(-1, 4)])
        assert people.members("d", to_micros(NOON + 2 * MINUTE)) == {
            Member("customer", one) for one in "abcd"
        } | {Member("anonymous", "v")}
        log.engine.dispose()
    assert found == [["a", "b", "b", "d", "b"]] * 3


def test_a_log_of_an_older_version_finds_its_links(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    log = EventLog(connect(url))
    log.append(to_table([order("old", NOON), link("new", "old")]))
    with writing(log.engine) as connection:
        for statement in ("DROP INDEX events_by_visitor", "DELETE FROM identities", "DELETE FROM identity_links"):  # fmt: skip
            connection.execute(text(statement))
    log.engine.dispose()
    again = EventLog(connect(url))
    assert again.people(["old"]).customer("old") == "new"
    with reading(again.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM identity_links")) == 1
    again.engine.dispose()


@pytest.mark.parametrize("opened_since", [False, True])
def test_a_log_of_an_older_version_gets_the_index_of_messages(
    tmp_path: Path, opened_since: bool
) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    log = EventLog(connect(url))
    log.append(to_table([order("old", NOON)]))
    with writing(log.engine) as connection:
        if not opened_since:
            connection.execute(text("DROP INDEX events_of_whole_messages"))
        connection.execute(text("CREATE INDEX events_of_messages ON events (customer_id, ts)"))
    log.engine.dispose()
    again = EventLog(connect(url))
    with reading(again.engine) as connection:
        names = {one["name"] for one in inspect(connection).get_indexes("events")}
    assert "events_of_whole_messages" in names
    assert "events_of_messages" not in names
    again.engine.dispose()
