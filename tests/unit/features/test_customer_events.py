"""The events of a few customers, read as Arrow from either store."""

from datetime import UTC, datetime, timedelta

import pytest

from retain.database import connect
from retain.errors import StoreUnavailable
from retain.event import to_table
from retain.eventlog import EventLog
from retain.features.events import NUMBERED, CustomerEvents
from tests.event_tables import event

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def log(database_url: str) -> EventLog:
    return EventLog(connect(database_url))


def minutes(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def test_columns_that_are_empty_in_the_log_are_null_and_texts_keep_their_letters(log) -> None:
    lines = {"lines": [{"product_id": 'Ä"1', "quantity": 2.0}]}
    log.append(
        to_table(
            [
                event(1, "order_completed", minutes(1), "가", lines, channel=None),
                event(2, "page_viewed", minutes(2), "가", session_id="s", anonymous_id="a"),
            ]
        )
    )
    rows = CustomerEvents(log).until(["가"], minutes(5))
    assert rows.schema.equals(NUMBERED)
    first, second = sorted(rows.to_pylist(), key=lambda row: row["ts"])
    assert (first["channel"], first["session_id"], first["anonymous_id"]) == (None, None, None)
    assert (second["session_id"], second["anonymous_id"]) == ("s", "a")
    assert 'Ä\\"1' in first["properties"] or '\\u00c4\\"1' in first["properties"]
    assert first["ts"] == minutes(1)


def test_an_event_at_the_moment_itself_is_in_and_one_a_microsecond_later_is_not(log) -> None:
    late = minutes(1) + timedelta(microseconds=1)
    log.append(to_table([event(1, "page_viewed", minutes(1)), event(2, "page_viewed", late)]))
    rows = CustomerEvents(log).until(["c1"], minutes(1))
    assert rows.column("ts").to_pylist() == [minutes(1)]


def test_nobody_and_unknown_customers_have_no_events(log) -> None:
    events = CustomerEvents(log)
    assert events.until([], NOON).schema.equals(NUMBERED)
    assert events.until(["nobody"], NOON).num_rows == 0


def test_more_events_than_one_batch_of_the_driver_come_back_whole(log) -> None:
    many = [
        event(n, "page_viewed", minutes(0), f"c{n % 7}", session_id=None) for n in range(70_000)
    ]
    many[-1] = event(70_000, "page_viewed", minutes(1), "c1", {"page": "x"}, session_id="late")
    log.append(to_table(many))
    rows = CustomerEvents(log).until([f"c{n}" for n in range(7)], minutes(5))
    assert rows.num_rows == 70_000
    assert rows.column("session_id").drop_null().to_pylist() == ["late"]


def test_a_database_file_that_was_deleted_is_not_read_on_from_an_open_connection(tmp_path) -> None:
    file = tmp_path / "retain.db"
    engine = connect(f"sqlite:///{file}")
    events = CustomerEvents(EventLog(engine))
    events.until(["c1"], NOON)
    file.unlink()
    with pytest.raises(StoreUnavailable, match="deleted"):
        events.until(["c1"], NOON)
    engine.dispose()
