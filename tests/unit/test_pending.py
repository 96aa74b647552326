"""Customers that wait for their features: since when, for how many, and after an upgrade."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from retain import pending
from retain.clock import to_micros
from retain.database import connect, writing
from retain.event import Event, read_event, to_row
from retain.eventlog import EventLog

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def row(event_id: str, customer_id: str = "c", event_type: str = "page_viewed", **told: str):
    read = read_event(
        {
            "event_id": event_id,
            "type": event_type,
            "customer_id": customer_id,
            "timestamp": NOW - SECOND,
            **told,
        },
        NOW,
    )
    assert isinstance(read, Event)
    return to_row(read)


@pytest.fixture
def clock(monkeypatch):
    moments = {"now": NOW}
    monkeypatch.setattr(pending, "now", lambda: moments["now"])
    return moments


@pytest.fixture
def log(database_url) -> EventLog:
    return EventLog(connect(database_url))


def test_a_customer_waits_since_the_first_event_that_is_not_reflected(log, clock) -> None:
    log.append_rows([row("e1")], mark_pending=True)
    clock["now"] = NOW + 5 * SECOND
    log.append_rows([row("e2"), row("e3", "d")], mark_pending=True)
    found = log.freshness(["c", "d", "nobody"], NOW)
    assert (found["c"].since, found["c"].latest) == (to_micros(NOW), to_micros(NOW - SECOND))
    assert found["d"].since == to_micros(NOW + 5 * SECOND)
    assert (found["nobody"].since, found["nobody"].latest) == (None, None)
    backlog = log.waiting.backlog()
    assert (backlog.customers, backlog.since) == (2, to_micros(NOW))


def test_an_event_during_a_refresh_waits_since_the_refresh_began(log, clock) -> None:
    log.append_rows([row("e1"), row("e2", "d")], mark_pending=True)
    seen = log.pending()
    log.append_rows([row("e3")], mark_pending=True)
    log.reflected(seen, NOW + SECOND)
    assert set(log.pending()) == {"c"}
    assert log.waiting.backlog().since == to_micros(NOW + SECOND)


@pytest.mark.parametrize(
    ("event_type", "told"),
    [
        ("consent_withdrawn", {}),
        ("consent_given", {}),
        ("identity_linked", {"linked_id": "v"}),
        ("identity_unlinked", {"linked_id": "v"}),
        ("profile_updated", {"anonymous_id": "v"}),
    ],
)
def test_consent_and_identity_are_wanted_at_once_and_stay_so_until_reflected(
    log, clock, event_type, told
) -> None:
    log.append_rows([row("e1"), row("e2", "d"), row("e3", "e")], mark_pending=True)
    clock["now"] = NOW + SECOND
    log.append_rows([row("e4", "c", event_type, **told), row("e5", "d")], mark_pending=True)
    log.append_rows([row("e6")], mark_pending=True)
    assert log.freshness(["c"], NOW)["c"].since == 0
    assert log.freshness(["d"], NOW)["d"].since == to_micros(NOW)
    backlog = log.waiting.backlog()
    assert (backlog.customers, backlog.since) == (3, to_micros(NOW))
    seen = log.pending()
    log.append_rows([row("e7", "c"), row("e8", "e", event_type, **told)], mark_pending=True)
    log.reflected(seen, NOW + SECOND)
    assert {one: told.since for one, told in log.freshness(["c", "e"], NOW).items()} == {
        "c": 0,
        "e": 0,
    }
    log.reflected(log.pending(), NOW + SECOND)
    log.append_rows([row("e9")], mark_pending=True)
    assert log.freshness(["c"], NOW)["c"].since == to_micros(NOW + SECOND)


def test_a_profile_that_links_nobody_is_not_wanted_at_once(log, clock) -> None:
    log.append_rows([row("e1", "c", "profile_updated")], mark_pending=True)
    assert log.freshness(["c"], NOW)["c"].since == to_micros(NOW)


def test_what_waits_when_a_service_starts_is_wanted_at_once(log, clock) -> None:
    log.append_rows([row("e1"), row("e2", "d")], mark_pending=True)
    before = log.pending()
    log.waiting.at_once()
    assert log.pending() == before
    assert {one.since for one in log.freshness(["c", "d"], NOW).values()} == {0}
    assert log.waiting.backlog().since is None


def test_marking_again_changes_no_mark_that_is_there(log, clock) -> None:
    log.append_rows([row("e1")], mark_pending=True)
    before = log.pending()
    clock["now"] = NOW + SECOND
    log.mark_again(["c", "d"])
    assert log.pending()["c"] == before["c"]
    assert log.freshness(["c"], NOW)["c"].since == to_micros(NOW)
    log.reflected(log.pending())
    assert log.waiting.backlog().customers == 0


def test_rows_are_kept_as_they_were_given(log) -> None:
    odd = "a'b\"c\\d é 中 \u2028"
    log.append_rows([(odd, *row("e1")[1:11], '{"name":"' + "x" * 50 + '"}'), row("e2")])
    (stored,) = log.after(0)
    assert stored.column("event_id").to_pylist() == [odd, "e2"]
    assert stored.column("ts").to_pylist() == [NOW - SECOND] * 2
    assert stored.column("anonymous_id").to_pylist() == [None, None]
    assert stored.column("properties").to_pylist()[0].startswith('{"name":"xxx')


def test_a_home_of_the_last_version_is_upgraded_and_what_waits_there_is_kept(
    tmp_path: Path,
) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'retain.db'}")
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE pending_customers"))
        connection.execute(
            text(
                "CREATE TABLE pending_customers "
                "(customer_id VARCHAR PRIMARY KEY, seq BIGINT NOT NULL)"
            )
        )
        connection.execute(text("INSERT INTO pending_customers VALUES ('old', 7)"))
    log = EventLog(engine)
    assert EventLog(engine).pending() == {"old": 7}
    log.append_rows([row("e1")], mark_pending=True)
    assert log.freshness(["old"], NOW)["old"].since == 0
    assert set(log.pending()) == {"old", "c"}


def test_a_row_may_lack_events_from_the_first_that_was_marked_on(log) -> None:
    log.append_rows([row("e1"), row("e2", "d")], mark_pending=True)
    log.append_rows([row("e3")], mark_pending=True)
    assert log.waiting.batch(10).first == {"c": 1, "d": 1}
    log.reflected({"c": 3})
    log.append_rows([row("e4")], mark_pending=True)
    assert log.waiting.batch(10).first == {"c": 4, "d": 1}


def test_who_is_to_be_written_again_is_to_be_computed_as_a_whole(log) -> None:
    log.append_rows([row("e1"), row("e2", "d")], mark_pending=True)
    log.mark_again(["c", "new"])
    log.append_rows([row("e3"), row("e4", "new")], mark_pending=True)
    assert log.waiting.batch(10).first == {"d": 1}


def test_computing_in_part_does_not_do_for_who_is_to_be_computed_as_a_whole_by_now(log) -> None:
    log.append_rows([row("e1"), row("e2", "d")], mark_pending=True)
    seen = log.waiting.batch(10)
    log.mark_again(["c"])
    log.waiting.reflected(seen.seqs, NOW, seen.first)
    assert set(log.pending()) == {"c"}
    log.waiting.reflected(log.pending(), NOW)
    assert log.pending() == {}
