"""The quality checks keep quiet over a clean shop, and find what is planted in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retain import settings
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.engine import FeatureEngine
from retain.importers import import_file
from retain.quality import features, thresholds
from retain.quality.customers import abnormal_customers
from retain.quality.examination import examine_events, examine_features
from retain.quality.findings import Findings
from retain.simulator import simulate
from tests.event_tables import AS_OF, changed, event, with_events

THRESHOLDS = thresholds.load(settings.PROJECT_CONFIG)
SEEDS = (7, 8, 9)
QUARTER = timedelta(days=90)


@pytest.fixture(scope="module", params=SEEDS)
def any_shop(request: pytest.FixtureRequest) -> pa.Table:
    return pa.concat_tables(simulate(1_000, seed=request.param))


@pytest.fixture(scope="module")
def shop() -> pa.Table:
    return pa.concat_tables(simulate(2_000, seed=7))


def at_cutoffs(events: pa.Table, cutoffs: Sequence[datetime]) -> list[pa.Table]:
    with FeatureEngine(events) as engine:
        return [engine.table(engine.customers(cutoff)) for cutoff in cutoffs]


def failures(found: Findings) -> list[tuple[str, str]]:
    return [(f.check, f.subject) for f in found.findings if f.severity == "fail"]


def named(events: pa.Table) -> set[tuple[str, str, str]]:
    found = examine_events(events, AS_OF, THRESHOLDS).findings
    return {(f.severity, f.check, f.subject) for f in found}


# a Saturday midnight, a Monday noon, the week after Christmas, and a night in the busy season
@pytest.mark.parametrize(
    "as_of",
    [
        AS_OF,
        AS_OF - timedelta(days=40, hours=12),
        AS_OF - timedelta(days=305),
        AS_OF - timedelta(days=330, hours=20),
    ],
)
def test_a_clean_shop_gives_no_failure(any_shop, as_of):
    assert failures(examine_events(any_shop, as_of, THRESHOLDS)) == []


def test_nobody_is_left_out_of_a_clean_shop(any_shop):
    assert abnormal_customers(any_shop, AS_OF, THRESHOLDS.customers) == []


@pytest.mark.parametrize("quarters", [0, 1])
def test_the_features_of_a_clean_shop_give_no_failure(any_shop, quarters):
    cutoffs = [AS_OF - (quarters + back) * QUARTER for back in (3, 2, 1, 0)]
    *training, current = at_cutoffs(any_shop, cutoffs)
    found = examine_features(current, features.snapshot(pa.concat_tables(training)), THRESHOLDS)
    assert failures(found) == []


def test_an_event_type_that_stopped_for_two_days_is_named(shop):
    stopped = changed(
        shop,
        "SELECT * FROM events WHERE type <> 'product_added' OR ts <= TIMESTAMPTZ '2026-10-29'",
    )
    assert ("fail", "volume", "product_added") in named(stopped)
    assert not {subject for grave, _, subject in named(stopped) if grave == "fail"} - {
        "product_added"
    }


def test_a_product_whose_price_doubled_is_named(shop):
    """The product seen most, from a week before."""
    viewed = shop.filter(pc.equal(shop.column("type"), "product_viewed"))
    product = pc.mode(
        pc.cast(pc.utf8_slice_codeunits(pc.struct_field(_product(viewed), [0]), 1, 5), pa.int64())
    )[0]["mode"].as_py()
    doubled = changed(
        shop,
        f"""
        SELECT * REPLACE (CASE WHEN type IN ('product_viewed', 'product_added')
            AND properties->>'product_id' = 'P{product:04d}' AND ts > TIMESTAMPTZ '2026-10-24'
            THEN replace(properties, '"price":' || (properties->>'price'),
                '"price":' || 2 * (properties->>'price')::DOUBLE)
            ELSE properties END AS properties) FROM events
        """,
    )
    assert named(doubled) == {("warn", "price", f"P{product:04d}")}


def _product(viewed: pa.Table) -> pa.ChunkedArray:
    return pc.extract_regex(viewed.column("properties"), r'"product_id":"(?P<product>P\d+)"')


def test_prices_in_pence_are_a_failure(shop):
    pence = changed(
        shop,
        """
        SELECT * REPLACE (CASE WHEN type IN ('product_viewed', 'product_added')
            AND ts > TIMESTAMPTZ '2026-10-24'
            THEN replace(properties, '"price":' || (properties->>'price'),
                '"price":' || 100 * (properties->>'price')::DOUBLE)
            ELSE properties END AS properties) FROM events
        """,
    )
    assert named(pence) == {("fail", "price", "all products")}


def test_a_bot_and_a_bulk_buyer_are_named_and_left_out(shop):
    night = AS_OF - timedelta(days=3)
    robot = [
        event(
            n, "product_viewed", night + n * timedelta(seconds=20), "C0000001", session_id="night"
        )
        for n in range(800)
    ]
    lines = [{"product_id": "P0001", "quantity": 4_000, "price": 10.0}]
    bought = {"order_id": "bulk", "total": 40_000.0, "currency": "GBP", "lines": lines}
    bulk = event(1, "order_completed", night, "C0000002", bought)
    planted = with_events(shop, [*robot, bulk])
    assert {("warn", "bot", "C0000001"), ("warn", "bulk_buyer", "C0000002")} <= named(planted)
    abnormal = abnormal_customers(planted, AS_OF, THRESHOLDS.customers)
    assert {f.customer_id for f in abnormal} == {"C0000001", "C0000002"}


def test_a_drifted_feature_is_named(shop):
    *training, current = at_cutoffs(shop, [AS_OF - back * QUARTER for back in (3, 2, 1, 0)])
    at = current.schema.get_field_index("average_order_value")
    value = current.column("average_order_value")
    drifted = current.set_column(at, current.schema.field(at), pc.multiply(value, 2.0))
    found = examine_features(drifted, features.snapshot(pa.concat_tables(training)), THRESHOLDS)
    assert failures(found) == [("drift", "average_order_value")]


def test_metrics_are_finite_and_hold_no_customer(shop):
    metrics = examine_events(shop, AS_OF, THRESHOLDS).metrics()
    assert np.isfinite([m.value for m in metrics]).all()
    assert not [m for m in metrics if any(v.startswith("C0") for v in m.labels.values())]


def test_the_known_bulk_orders_of_online_retail_are_found(tmp_path: Path):
    """Invoice 541431: 74,215 storage jars for 77,183.60 pounds, cancelled minutes later."""
    file = settings.load().data / "online_retail_2009_2011.parquet"
    if not file.exists():
        pytest.skip("the public Online Retail data is not in the folder RETAIN_DATA names")
    quarter = (pc.field("InvoiceDate") >= datetime(2010, 12, 1)) & (  # noqa: DTZ001 - the file's
        pc.field("InvoiceDate") < datetime(2011, 2, 15)  # noqa: DTZ001 - own local time
    )
    part = tmp_path / "part.parquet"
    pq.write_table(pq.read_table(file, filters=quarter), part)
    log = EventLog(connect(f"sqlite:///{tmp_path / 'retain.db'}"))
    import_file(part, "online-retail", log, tmp_path)
    last = log.last_event_at()
    assert last is not None
    events = pa.concat_tables(log.after(0))
    found = examine_events(events, last, THRESHOLDS)
    assert failures(found) == []
    abnormal = abnormal_customers(events, last, THRESHOLDS.customers)
    assert "12346" in {f.customer_id for f in abnormal}
