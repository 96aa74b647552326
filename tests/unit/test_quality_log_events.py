"""What a look reads: the history, the log beyond it, and which clock they are judged by."""

from datetime import timedelta

import pytest

from retain import history
from retain.database import connect
from retain.errors import Conflict, NotEnoughData
from retain.event import to_table
from retain.eventlog import EventLog
from retain.quality import log_events, thresholds
from retain.quality.event_source import opened, rows
from retain.settings import PROJECT_CONFIG
from tests.event_tables import AS_OF, event, steady

LIMITS = thresholds.load(PROJECT_CONFIG)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def log(database_url):
    engine = connect(database_url)
    yield EventLog(engine)
    engine.dispose()


def at_most(events: int):
    watching = LIMITS.watching.model_copy(update={"unexported_events": events})
    return LIMITS.model_copy(update={"watching": watching})


def seen(found, days=400):
    with opened(found.source, AS_OF + DAY, days=days) as events:
        return rows(events, "SELECT count(*), count(DISTINCT event_id) FROM events")[0]


def test_the_history_and_the_log_beyond_it_are_each_read_once(log, tmp_path):
    log.append(to_table(steady(days=10)))
    history.export(log, tmp_path / "history")
    log.append(to_table([event(9, "searched", AS_OF + HOUR), event(8, "searched", AS_OF)]))
    found = log_events.read(log, tmp_path / "history", LIMITS)
    assert seen(found) == (482, 482)
    assert found.newest == AS_OF + HOUR
    assert found.unread == 0


def test_a_log_that_was_never_exported_is_read_itself(log, tmp_path):
    log.append(to_table(steady(days=1)))
    assert seen(log_events.read(log, tmp_path / "history", LIMITS)) == (48, 48)


def test_too_many_events_beyond_the_history_are_left_out_and_counted(log, tmp_path):
    log.append(to_table(steady(days=10)))
    history.export(log, tmp_path / "history")
    log.append(to_table(steady("searched", days=1)))
    found = log_events.read(log, tmp_path / "history", at_most(40))
    assert (found.unread, seen(found)) == (48, (480, 480))


def test_too_many_events_without_any_history_are_refused_with_what_to_do(log, tmp_path):
    log.append(to_table(steady(days=1)))
    with pytest.raises(NotEnoughData, match="48 events wait to be exported") as refused:
        log_events.read(log, tmp_path / "history", at_most(40))
    assert "retain features build" in refused.value.remedy


def test_the_history_of_another_log_is_refused(log, tmp_path):
    log.append(to_table(steady(days=1)))
    history.export(log, tmp_path / "history")
    other = EventLog(connect(f"sqlite:///{tmp_path / 'other.db'}"))
    other.append(to_table(steady("searched", days=2)))
    with pytest.raises(Conflict):
        log_events.read(other, tmp_path / "history", LIMITS)


def test_an_empty_log_is_nothing_to_examine(log, tmp_path):
    with pytest.raises(NotEnoughData, match="nothing to examine yet"):
        log_events.read(log, tmp_path / "history", LIMITS)


@pytest.mark.parametrize(("delay", "live"), [(HOUR, True), (2 * DAY, False)])
def test_what_came_in_long_after_it_happened_is_an_archive(log, tmp_path, delay, live):
    log.append(to_table([event(1, "searched", AS_OF, received_at=AS_OF + delay)]))
    found = log_events.read(log, tmp_path / "history", LIMITS)
    later = AS_OF + timedelta(days=900)
    assert found.live == live
    assert found.clock(later) == (later if live else AS_OF)


def test_customers_are_drawn_the_same_each_time_and_counted(log, tmp_path):
    log.append(to_table(steady(days=10)))
    order = {"total": 2.0, "currency": "GBP"}
    log.append(to_table([event(1, "order_completed", AS_OF, "c7", order)]))
    source = log_events.read(log, tmp_path / "history", LIMITS).source
    ids, everybody = log_events.buyers(source, AS_OF, None, 10)
    assert (len(set(ids)), everybody) == (10, 40)
    assert log_events.buyers(source, AS_OF, None, 10)[0] == ids
    assert log_events.buyers(source, AS_OF, 365.0, 10) == (["c7"], 1)
