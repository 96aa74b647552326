"""Feast in the middle: what was built offline is what is retrieved, and what is read online."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo import offline, online
from feature_repo.materialize import materialize
from feature_repo.source import OfflineSource
from feature_repo.store import open_store
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.features.catalogue import FEATURES
from retain.features.engine import VIEWS, keys_of
from retain.features.reader import LogReader
from retain.settings import Settings, load

T0 = datetime(2024, 2, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def shop_events() -> list[Event]:
    events = []
    for number in range(120):
        customer, at = f"c{number % 7}", T0 - timedelta(days=number * 1.7, minutes=number)
        kind = ["order_completed", "product_viewed", "message_sent", "ticket_opened"][number % 4]
        lines = [{"product_id": f"p{number % 5}", "category": "bags", "quantity": 2, "price": 9.99}]
        properties = {"order_id": f"o{number}", "currency": "GBP", "lines": lines}
        event = read_event(
            {
                "event_id": f"e{number}",
                "type": kind,
                "customer_id": customer,
                "timestamp": at,
                "properties": properties if kind == "order_completed" else {"product_id": "p1"},
            },
            T0,
        )
        assert isinstance(event, Event)
        events.append(event)
    return events


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, EventLog]:
    settings = load({}, home=tmp_path_factory.mktemp("shop"))
    log = EventLog(connect(settings.database_url))
    log.append(to_table(shop_events()))
    materialize(settings, T0)
    return settings, log


def same(left: pa.Table, right: pa.Table) -> bool:
    return bool(left.combine_chunks().equals(right.combine_chunks()))


def test_a_point_in_time_retrieval_equals_the_engine_at_every_cutoff(
    shop: tuple[Settings, EventLog],
) -> None:
    settings, _ = shop
    cutoffs = [T0 - 60 * DAY, T0 - 30 * DAY, T0]
    offline.build(settings, cutoffs)
    keys = pa.concat_tables([keys_of(["c3", "c0", "c5"], at) for at in cutoffs])
    retrieved = offline.retrieve(settings, keys)
    with offline.engine(settings) as engine:
        computed = engine.table(keys)
    names = ["customer_id", "as_of", *(f.stored_name for f in FEATURES)]
    assert same(retrieved.select(names), computed.select(names))


def test_an_online_read_equals_a_computation_from_the_log(shop: tuple[Settings, EventLog]) -> None:
    settings, log = shop
    ids = ["c2", "nobody", "c6", "c0"]
    found = online.OnlineReader(settings, log).read(ids, T0)
    expected = LogReader(log).read(ids, T0)
    assert same(found.table, expected.table)
    assert found.unknown == ["nobody"]
    assert set(found.features_as_of.values()) == {T0}


@pytest.mark.parametrize("days", [0.5, 3, 40, 400])
def test_a_later_read_equals_the_log_although_window_edges_passed(
    shop: tuple[Settings, EventLog], days: float
) -> None:
    settings, log = shop
    moment = T0 + days * DAY
    found = online.OnlineReader(settings, log).read(["c1", "c4"], moment)
    expected = LogReader(log).read(["c1", "c4"], moment)
    features = [f.stored_name for f in FEATURES]
    assert same(found.table.select(features), expected.table.select(features))


def test_a_past_moment_is_answered_from_the_log(shop: tuple[Settings, EventLog]) -> None:
    settings, log = shop
    moment = T0 - 45 * DAY
    found = online.OnlineReader(settings, log).read(["c1"], moment)
    assert same(found.table, LogReader(log).read(["c1"], moment).table)
    assert found.features_as_of == {"c1": moment}


def test_feast_knows_every_view_a_push_source_for_each_and_the_feature_service(
    shop: tuple[Settings, EventLog],
) -> None:
    store = open_store(shop[0])
    assert {view.name for view in store.list_feature_views()} == set(VIEWS)
    assert {f"{view}_push" for view in VIEWS} <= {
        source.name for source in store.list_data_sources()
    }
    assert [service.name for service in store.list_feature_services()] == ["customer_features"]


def test_a_snapshot_is_kept_while_the_log_has_nothing_new(shop: tuple[Settings, EventLog]) -> None:
    settings, _ = shop
    files = offline.build(settings, [T0])
    written = [file.stat().st_mtime_ns for file in files]
    assert [file.stat().st_mtime_ns for file in offline.build(settings, [T0])] == written


def test_training_reads_nothing_after_its_as_of(shop: tuple[Settings, EventLog]) -> None:
    settings, _ = shop
    moment = T0 - 30 * DAY
    source = OfflineSource(settings, moment)
    assert max(source.orders().column("ts").to_pylist()) <= moment
    assert source.span()[1] <= moment
    table = source.training_table([moment - 60 * DAY])
    assert set(table.column("as_of").to_pylist()) == {moment - 60 * DAY}


def test_events_that_came_past_the_service_are_in_the_answer(tmp_path: Path) -> None:
    settings = load({}, home=tmp_path)
    log = EventLog(connect(settings.database_url))
    log.append(to_table(shop_events()))
    materialize(settings, T0)
    moment = T0 + 5 * DAY
    late = {"event_id": "later", "type": "purchase", "customer_id": "c0", "value": 5}
    order = read_event({**late, "timestamp": T0 + 2 * DAY}, moment)
    assert isinstance(order, Event)
    log.append(to_table([order]))
    found = online.OnlineReader(settings, log).read(["c0", "c1"], moment).table
    assert same(found, LogReader(log).read(["c0", "c1"], moment).table)
    assert found.column("orders_30d")[0].as_py() > 0


def test_a_snapshot_of_an_older_catalogue_does_not_stay_to_break_retrieval(tmp_path: Path) -> None:
    settings = load({}, home=tmp_path)
    log = EventLog(connect(settings.database_url))
    log.append(to_table(shop_events()))
    old = offline.build(settings, [T0 - 10 * DAY])[0]
    stamped = pq.read_table(old).drop_columns(["orders_lifetime"])
    pq.write_table(stamped.replace_schema_metadata({b"retain": b"older:1"}), old)
    offline.build(settings, [T0])
    assert not old.exists()
    assert offline.retrieve(settings, keys_of(["c1"], T0)).num_rows == 1
