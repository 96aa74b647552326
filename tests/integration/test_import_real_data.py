"""The public files, whole: counts that were checked by hand once and may not drift.

Sources: "Online Retail II", D. Chen, UCI Machine Learning Repository (CC BY 4.0);
Retailrocket, via a public research repository (non-commercial: tests only).
"""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from retain import history, settings
from retain.importers import ImportReport
from tests.import_home import Home

DATA = settings.load().data
ONLINE_RETAIL = DATA / "online_retail_2009_2011.parquet"
RETAILROCKET = DATA / "retailrocket_events.parquet"

needs_data = pytest.mark.skipif(
    not ONLINE_RETAIL.exists(), reason="the public files are not in RETAIN_DATA"
)


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ImportReport]:
    home = Home(tmp_path_factory.mktemp("retail"))
    report = home.take(ONLINE_RETAIL, "online-retail")
    history.export(home.log, home.folder / "history")
    return home, report


@needs_data
def test_every_line_of_online_retail_is_accounted_for(retail: tuple[Home, ImportReport]) -> None:
    _, report = retail
    assert report.rows_read == 722_912 == report.rows_kept + report.rows_set_aside
    assert {reason: entry.rows for reason, entry in report.set_aside.items()} == {
        "no_customer_id": 163_035,
        "duplicate": 8_278,
        "non_product_code": 2_509,
        "price_not_positive": 40,
    }
    assert (report.customers, report.currency) == (4_965, "GBP")
    assert (report.first_event_at, report.last_event_at) == (
        "2009-12-01T07:45:00Z",
        "2011-06-08T16:09:00Z",
    )


@needs_data
def test_the_reasons_of_online_retail_agree_with_plain_sql() -> None:
    nobody, copies = duckdb.sql(
        f"""SELECT count(*) FILTER (WHERE "Customer ID" IS NULL),
            count(*) FILTER (WHERE "Customer ID" IS NOT NULL) - (SELECT count(*) FROM (
                SELECT DISTINCT * FROM '{ONLINE_RETAIL}' WHERE "Customer ID" IS NOT NULL))
        FROM '{ONLINE_RETAIL}'"""
    ).fetchall()[0]
    assert (nobody, copies) == (163_035, 8_278)


@needs_data
def test_the_revenue_of_online_retail_is_that_of_its_kept_lines(
    retail: tuple[Home, ImportReport],
) -> None:
    home, _ = retail
    query = f"""SELECT type, round(sum(CAST(properties->>'total' AS DOUBLE)), 2) AS total
        FROM read_parquet('{history.glob(home.folder / "history")}')
        WHERE type LIKE 'order%' GROUP BY type"""
    imported = dict(duckdb.sql(query).fetchall())
    codes = "('POST','DOT','C2','C3','M','D','S','B','BANK CHARGES','ADJUST','ADJUST2','PADS')"
    query = f"""SELECT starts_with(Invoice, 'C'), round(sum(abs(Quantity) * Price), 2)
        FROM (SELECT DISTINCT * FROM '{ONLINE_RETAIL}') WHERE "Customer ID" IS NOT NULL
        AND upper(StockCode) NOT IN {codes} AND Price > 0 AND NOT StockCode LIKE 'TEST%'
        GROUP BY 1"""
    expected = dict(duckdb.sql(query).fetchall())
    assert imported["order_completed"] == pytest.approx(expected[False], abs=1)
    assert imported["order_refunded"] == pytest.approx(expected[True], abs=1)


@needs_data
def test_most_of_online_retail_has_a_category(retail: tuple[Home, ImportReport]) -> None:
    home, _ = retail
    query = f"""SELECT unnest(from_json(properties->'lines', '[{{"category": "VARCHAR"}}]'),
            recursive := true) AS category
        FROM read_parquet('{history.glob(home.folder / "history")}')
        WHERE type = 'order_completed'"""
    shares = Counter(
        dict(duckdb.sql(f"SELECT category, count(*) FROM ({query}) GROUP BY 1").fetchall())
    )
    assert shares["other"] / shares.total() < 0.2
    assert len(shares) >= 12
    assert max(shares.values()) / shares.total() < 0.25


@needs_data
def test_a_customer_of_online_retail_has_the_orders_of_the_file(
    retail: tuple[Home, ImportReport],
) -> None:
    home, _ = retail
    table = home.log.of_customers(["13085"], datetime(2010, 1, 1, tzinfo=UTC)).to_pylist()
    orders = [row for row in table if row["type"] == "order_completed"]
    ids = [json.loads(row["properties"])["order_id"] for row in orders]
    assert ids[:2] == ["489434", "489435"]
    assert json.loads(orders[0]["properties"])["total"] == 505.3
    query = f"""SELECT DISTINCT Invoice FROM '{ONLINE_RETAIL}' WHERE "Customer ID" = 13085
        AND InvoiceDate < '2010-01-01' AND Quantity > 0"""
    assert set(ids) == {invoice for (invoice,) in duckdb.sql(query).fetchall()}


@needs_data
def test_importing_online_retail_again_doubles_nothing(retail: tuple[Home, ImportReport]) -> None:
    home, first = retail
    count = home.log.count()
    again = home.take(ONLINE_RETAIL, "online-retail")
    assert (again.events_written, again.events_already_logged) == (0, first.events_written)
    assert home.log.count() == count
    assert history.export(home.log, home.folder / "history") == 0


@needs_data
def test_retailrocket_is_views_cart_additions_and_orders(tmp_path: Path) -> None:
    home = Home(tmp_path)
    report = home.take(RETAILROCKET, "retailrocket")
    assert (report.rows_read, report.rows_kept, report.customers) == (97_381, 97_381, 2_174)
    kinds = Counter(
        kind for table in home.log.after(0) for kind in table.column("type").to_pylist()
    )
    assert kinds == {"product_viewed": 75_374, "product_added": 12_456, "order_completed": 9_551}
