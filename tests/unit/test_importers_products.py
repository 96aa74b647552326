"""Product feeds: states of products over time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.errors import UnreadableFile
from retain.products import PRODUCT_SCHEMA, Products
from tests.import_home import NOW, Home, set_aside

HEADER = "id,title,category,price,margin,in_stock,updated_at"


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Home:
    return Home(tmp_path, database_url)


def take(home: Home, *lines: str, header: str = HEADER) -> Any:
    return home.take(home.write("products.csv", header, *lines), "products")


def prices(home: Home, as_of: datetime = NOW) -> dict[str, float]:
    table = Products(home.log.engine).current(as_of)
    assert table.schema.equals(PRODUCT_SCHEMA)
    return {row["product_id"]: row["price"] for row in table.to_pylist()}


def test_a_product_is_known_from_its_time_on_and_the_latest_state_counts(home: Home) -> None:
    report = take(
        home, "p1,Mug,kitchen,6.5,0.4,no,2026-02-01", "p1,Mug,kitchen,5.5,0.4,yes,2026-01-01"
    )
    assert (report.rows_kept, report.events_written) == (2, 2)
    assert prices(home, datetime(2025, 12, 1, tzinfo=UTC)) == {}
    assert prices(home, datetime(2026, 1, 1, tzinfo=UTC)) == {"p1": 5.5}
    assert prices(home) == {"p1": 6.5}


def test_a_feed_without_times_holds_from_its_import_on(home: Home) -> None:
    feed = pa.table({"product_id": ["p1", "p2"], "name": ["a", "b"], "category": ["c", None],
                     "price": [1.0, 2.0], "margin": [0.3, None], "in_stock": [True, False]})  # fmt: skip
    pq.write_table(feed, home.folder / "products.parquet")
    home.take(home.folder / "products.parquet", "products")
    states = Products(home.log.engine).current(NOW).to_pylist()
    assert states[0] == {"product_id": "p1", "name": "a", "category": "c", "price": 1.0,
                         "margin": 0.3, "in_stock": True, "at": NOW}  # fmt: skip
    assert states[1]["in_stock"] is False


def test_a_feed_that_changes_nothing_stores_nothing(home: Home) -> None:
    take(home, "p1,Mug,kitchen,6.5,0.4,no,2026-02-01")
    again = take(home, "p1,Mug,kitchen,6.5,0.4,no,2026-03-01", "p2,Bag,bags,1,0.4,no,2026-03-01")
    assert (again.events_written, again.events_already_logged) == (1, 1)


def test_a_correction_of_the_same_moment_counts(home: Home) -> None:
    take(home, "p1,Mug,kitchen,6.5,0.4,no,2026-02-01")
    take(home, "p1,Mug,kitchen,7.5,0.4,no,2026-02-01")
    assert prices(home) == {"p1": 7.5}


def test_wrong_rows_are_set_aside(home: Home) -> None:
    report = take(
        home,
        "p1,Mug,kitchen,6.5,0.4,no,2026-02-01",
        ",Mug,kitchen,6.5,0.4,no,2026-02-01",
        "p2,Mug,kitchen,0,0.4,no,2026-02-01",
        "p3,Mug,kitchen,cheap,0.4,no,2026-02-01",
        "p4,Mug,kitchen,1,40,no,2026-02-01",
        "p5,Mug,kitchen,1,0.4,perhaps,2026-02-01",
        "p6,Mug,kitchen,1,0.4,no,",
        "p7,Mug,kitchen,1,0.4,no,2027-02-01",
        "p1,Mug,kitchen,6.5,0.4,no,2026-02-01",
    )
    assert {row["row"]: row["reason"] for row in set_aside(report)} == {
        "2": "no_product_id",
        "3": "price_not_positive",
        "4": "invalid_price",
        "5": "invalid_margin",
        "6": "invalid_in_stock",
        "7": "unparseable_time",
        "8": "future_time",
        "9": "duplicate",
    }
    assert report.rows_read == report.rows_kept + report.rows_set_aside == 9


def test_the_report_speaks_of_products(home: Home) -> None:
    text = take(home, "p1,Mug,kitchen,6.5,0.4,no,2026-02-01").text()
    assert "products written" in text
    assert "customers" not in text


def test_a_table_without_prices_is_no_feed(home: Home) -> None:
    with pytest.raises(UnreadableFile, match="price"):
        take(home, "p1,Mug", header="id,title")
