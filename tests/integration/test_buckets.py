"""Buckets of customers: any number of them gives what one engine over everything gives."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retain import history, simulator
from retain.event import EVENT_SCHEMA, Event, read_event, to_table
from retain.features.buckets import Buckets
from retain.features.engine import EVENT_COLUMNS, FeatureEngine

END = datetime(2026, 10, 31, tzinfo=UTC)
MOMENTS = [END - timedelta(days=days) for days in (200, 100, 0)]


def links(customers: list[str], guests: list[str]) -> list[Event]:
    """A merge over three ids, one that was undone, and a guest who was two customers' in turn."""
    first, second, third, fourth, last = customers[0], *customers[40:43], customers[-1]
    told = [
        (250, "identity_linked", last, {"linked_id": first, "link_type": "customer"}),
        (150, "identity_linked", last, {"linked_id": second, "link_type": "customer"}),
        (240, "identity_linked", third, {"linked_id": fourth, "link_type": "customer"}),
        (120, "identity_unlinked", third, {"linked_id": fourth, "link_type": "customer"}),
        (230, "identity_linked", third, {"linked_id": guests[0], "link_type": "anonymous"}),
        (110, "identity_linked", first, {"linked_id": guests[0], "link_type": "anonymous"}),
    ]
    events = [
        read_event(
            {
                "event_id": f"link-{number}",
                "type": kind,
                "customer_id": customer,
                "timestamp": END - timedelta(days=days),
                "properties": properties,
            },
            END,
        )
        for number, (days, kind, customer, properties) in enumerate(told)
    ]
    assert all(isinstance(event, Event) for event in events)
    return events  # type: ignore[return-value]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    shop = simulator.write(tmp_path_factory.mktemp("shop"), 150, 3, end=END)
    simulated = pq.read_table(shop.events, schema=EVENT_SCHEMA)
    customers = sorted(pc.unique(simulated.column("customer_id")).drop_null().to_pylist())
    nobody = simulated.filter(pc.is_null(simulated.column("customer_id")))
    guests = sorted(set(nobody.column("anonymous_id").to_pylist()))
    return pa.concat_tables([simulated, to_table(links(customers, guests))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, events: pa.Table) -> Path:
    """The events as three exports would have left them, each sorted by customer."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "day=2026-10-31").mkdir()
    third = events.num_rows // 3 + 1
    for part in range(3):
        rows = events.slice(part * third, third).sort_by([("customer_id", "ascending")])
        pq.write_table(rows, folder / "day=2026-10-31" / f"part-{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def whole(events: pa.Table) -> dict[datetime, pa.Table]:
    with FeatureEngine(events.select(EVENT_COLUMNS.names)) as engine:
        return {moment: engine.table(engine.customers(moment)) for moment in MOMENTS}


@pytest.mark.parametrize("size", [4_000, 1_000_000])
def test_features_by_buckets_of_any_size_equal_those_of_one_engine_at_every_moment(
    folder: Path, whole: dict[datetime, pa.Table], tmp_path: Path, size: int
) -> None:
    found: dict[datetime, list[pa.Table]] = {moment: [] for moment in MOMENTS}
    with Buckets(history.glob(folder), END, spill=tmp_path, size=size) as buckets:
        for events, members in buckets:
            with FeatureEngine(events, members=members) as engine:
                for moment in MOMENTS:
                    found[moment].append(engine.table(engine.customers(moment)))
        assert len(found[END]) == len(buckets)
        assert (len(buckets) > 1) == (size < 1_000_000)
    for moment in MOMENTS:
        table = pa.concat_tables(found[moment]).sort_by("customer_id")
        assert table.num_rows > 100
        assert table.combine_chunks().equals(whole[moment].combine_chunks())


def test_a_bucket_holds_nothing_after_the_moment_and_every_customer_once(
    folder: Path, events: pa.Table, tmp_path: Path
) -> None:
    until = MOMENTS[1]
    seen: list[str] = []
    with Buckets(history.glob(folder), until, spill=tmp_path, size=2_000) as buckets:
        for bucket in buckets:
            assert pc.max(bucket.events.column("ts")).as_py() <= until
            seen += pc.unique(bucket.events.column("customer_id")).drop_null().to_pylist()
    known = events.filter(pc.less_equal(events.column("ts"), until)).column("customer_id")
    assert sorted(seen) == sorted(pc.unique(known).drop_null().to_pylist())
