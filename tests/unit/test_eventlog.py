"""The log keeps every event once, in the order it came."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from retain import eventlog
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import LOGGED_SCHEMA, EventLog

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def log(database_url: str) -> EventLog:
    return EventLog(connect(database_url))


def table(ids: Sequence[str], *, customer: str | None = None, day: int = 0) -> pa.Table:
    events = []
    for number, event_id in enumerate(ids):
        record = {
            "event_id": event_id,
            "type": "page_viewed",
            "customer_id": customer or f"c{number % 3}",
            "ts": START + timedelta(days=day, minutes=number),
            "properties": {"page": "home"},
        }
        event = read_event(record, NOW)
        assert isinstance(event, Event)
        events.append(event)
    return to_table(events)


def everything(log: EventLog) -> pa.Table:
    return pa.concat_tables([LOGGED_SCHEMA.empty_table(), *log.after(0)])


def test_what_is_appended_comes_back_as_it_was(log: EventLog) -> None:
    given = table(["a", "b", "c"])
    log.append(given)
    assert everything(log).drop(["seq"]).equals(given)


@pytest.mark.parametrize(
    "odd",
    [
        "",
        " ",
        '"',
        '""',
        "'",
        ",",
        "\\",
        "\\N",
        "\\.",
        "NULL",
        "a\nb",
        "a\r\nb",
        "\t",
        "ñ한😀",
        "%s %(a)s :b",
    ],
)
def test_any_text_comes_back_as_it_was(log: EventLog, odd: str) -> None:
    given = table(["a", f"b{odd}b"], customer=f"c{odd}c")
    for name in ("session_id", "properties"):
        place = given.schema.get_field_index(name)
        given = given.set_column(place, given.schema.field(place), pa.array([odd, odd]))
    log.append(given)
    assert log.append(given).accepted == 0
    assert everything(log).drop(["seq"]).equals(given)
    assert log.of_customers([f"c{odd}c"]).drop(["seq"]).equals(given)
    assert log.known([f"c{odd}c"]) == {f"c{odd}c"}


def test_an_id_is_stored_once(log: EventLog) -> None:
    log.append(table(["a", "b"]))
    appended = log.append(table(["b", "c", "a", "d"]))
    assert appended.accepted == 2
    assert appended.duplicates == {"a", "b"}
    assert everything(log).column("event_id").to_pylist() == ["a", "b", "c", "d"]


def test_of_one_id_in_a_table_the_first_is_kept(log: EventLog) -> None:
    given = pa.concat_tables([table(["a"], customer="first"), table(["a"], customer="second")])
    appended = log.append(given)
    assert (appended.accepted, appended.duplicates) == (1, {"a"})
    assert everything(log).column("customer_id").to_pylist() == ["first"]


def test_many_ids_are_told_apart_across_chunks(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog, "_CHUNK", 700)
    log.append(table([f"e{n}" for n in range(0, 3_000, 3)]))
    appended = log.append(table([f"e{n}" for n in range(3_000)]))
    assert appended.accepted == 2_000
    assert appended.duplicates == {f"e{n}" for n in range(0, 3_000, 3)}


def test_an_empty_table_is_nothing(log: EventLog) -> None:
    assert log.append(table([])).accepted == 0
    assert (log.count(), log.last_seq(), log.last_event_at()) == (0, 0, None)
    assert list(log.after(0)) == []


def test_a_customers_events_come_in_time_order_up_to_a_moment(log: EventLog) -> None:
    log.append(table(["late"], customer="c", day=9))
    log.append(table(["early"], customer="c", day=1))
    log.append(table(["other"], customer="d", day=1))
    assert log.of_customers(["c"]).column("event_id").to_pylist() == ["early", "late"]
    until = START + timedelta(days=1)
    assert log.of_customers(["c"], until).column("event_id").to_pylist() == ["early"]
    assert log.of_customers([]).num_rows == 0


def test_known_customers_are_those_with_an_event(log: EventLog) -> None:
    log.append(table(["a"], customer="c"))
    assert log.known([f"x{n}" for n in range(1_200)] + ["c"]) == {"c"}


def test_reading_goes_on_after_a_sequence_number(log: EventLog) -> None:
    log.append(table(["a", "b", "c", "d", "e"]))
    chunks = [chunk.column("event_id").to_pylist() for chunk in log.after(1, chunk=2)]
    assert chunks == [["b", "c"], ["d", "e"]]


def test_the_last_event_is_the_latest_and_not_the_last_stored(log: EventLog) -> None:
    log.append(table(["a"], day=5))
    log.append(table(["b"], day=2))
    assert log.last_event_at() == START + timedelta(days=5)
    assert log.last_seq() == 2


def test_touched_customers_are_pending_until_reflected(log: EventLog) -> None:
    log.append(table(["a"], customer="c"), mark_pending=True)
    seen = log.pending()
    assert set(seen) == {"c"}
    log.append(table(["b"], customer="c"), mark_pending=True)
    log.reflected(seen)
    assert set(log.pending()) == {"c"}
    log.reflected(log.pending())
    assert log.pending() == {}


def test_a_duplicate_touches_nobody(log: EventLog) -> None:
    log.append(table(["a"], customer="c"))
    log.append(table(["a"], customer="c"), mark_pending=True)
    assert log.pending() == {}


def test_a_repeated_new_event_touches_its_customer(log: EventLog) -> None:
    log.append(table(["a", "a"], customer="c"), mark_pending=True)
    assert log.pending_among(["c", "d"]) == {"c"}


def test_a_sequence_number_is_never_used_twice(log: EventLog) -> None:
    from sqlalchemy import delete

    from retain.database import writing

    log.append(table(["a", "b"]))
    with writing(log.engine) as connection:
        connection.execute(delete(eventlog.events).where(eventlog.events.c.event_id == "b"))
    log.append(table(["c"]))
    assert everything(log).column("seq").to_pylist() == [1, 3]
