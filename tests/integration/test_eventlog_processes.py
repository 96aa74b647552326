"""Several processes write to one log, and nothing is lost or doubled."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
WRITERS, BATCHES, BATCH = 3, 12, 50


def _write(url: str, writer: int) -> None:
    log = EventLog(connect(url))
    for batch in range(BATCHES):
        # every other batch is the same for all writers: who comes first stores it
        owner = writer if batch % 2 else "shared"
        events = []
        for number in range(BATCH):
            record = {
                "event_id": f"{owner}-{batch}-{number}",
                "type": "page_viewed",
                "customer_id": f"c{number}",
                "ts": START + timedelta(minutes=number),
            }
            event = read_event(record, NOW)
            assert isinstance(event, Event)
            events.append(event)
        log.append(to_table(events), mark_pending=True)


def test_several_writers_lose_and_double_nothing(database_url: str) -> None:
    log = EventLog(connect(database_url))
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(database_url, n)) for n in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WRITERS
    own = WRITERS * BATCHES // 2 * BATCH
    shared = BATCHES // 2 * BATCH
    assert log.count() == own + shared
    ids = [row for table in log.after(0) for row in table.column("event_id").to_pylist()]
    assert len(set(ids)) == len(ids)
    assert log.last_seq() == len(ids)
    assert len(log.pending()) == BATCH


def _refresh(url: str, told: Connection) -> None:
    log = EventLog(connect(url))
    while not told.poll():
        log.reflected(log.pending())


def test_writers_and_those_who_reflect_never_wait_for_each_other(database_url: str) -> None:
    log = EventLog(connect(database_url))
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    refresher = context.Process(target=_refresh, args=(database_url, there))
    writers = [context.Process(target=_write, args=(database_url, n)) for n in range(WRITERS)]
    for process in (refresher, *writers):
        process.start()
    for process in writers:
        process.join()
    here.send("enough")
    refresher.join()
    assert [process.exitcode for process in (refresher, *writers)] == [0] * (WRITERS + 1)
    log.reflected(log.pending())
    assert log.pending() == {}


def test_a_reader_sees_whole_transactions_only(database_url: str) -> None:
    log = EventLog(connect(database_url))
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(database_url, 0))
    process.start()
    counts = []
    while process.is_alive():
        counts.append(log.count())
    process.join()
    assert all(count % BATCH == 0 for count in counts)
    assert log.count() == BATCHES * BATCH
