"""Numbers and times as people write them elsewhere: read where they are plain, else set aside."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.errors import InvalidInput
from retain.importers.mapping import parse
from tests.import_home import Home

MAPPING = """
name: shop
file: {{separator: semicolon, decimal: {decimal}}}
type: {{constant: order_completed}}
customer_id: buyer
time: day
properties: {{total: paid}}
"""
TIMED = """
name: shop
type: {{constant: order_completed}}
customer_id: buyer
time: {time}
properties: {{total: {{constant: 1}}}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def take(home: Home, mapping: str, *lines: str) -> Any:
    (home.folder / "map.yaml").write_text(mapping)
    path = home.write("table.csv", *lines)
    return home.take(path, "csv", mapping=home.folder / "map.yaml")


def paid(home: Home, decimal: str, number: str) -> float | None:
    take(home, MAPPING.format(decimal=decimal), "buyer;day;paid", f"b1;2026-01-05;{number}")
    totals = [json.loads(row["properties"])["total"] for row in home.events()]
    return float(totals[0]) if totals else None


@pytest.mark.parametrize(
    ("number", "value"),
    [("12,5", 12.5), ("1.234,50", 1234.5), ("1.234.567", 1234567), ("1 234,5", 1234.5),
     ("1\u00a0234,5", 1234.5), ("1'234,5", 1234.5), ("0,5", 0.5), ("7", 7), ("12.50", None),
     ("1,234.50", None), ("1.23,4", None), ("12,", None), ("12,50 €", None)],
)  # fmt: skip
def test_with_a_decimal_comma_a_number_is_read_one_way_or_not_at_all(
    home: Home, number: str, value: float | None
) -> None:
    assert paid(home, "comma", number) == value


@pytest.mark.parametrize(
    ("number", "value"),
    [("12.5", 12.5), ("1,234.50", 1234.5), ("1,234,567.5", 1234567.5), ("1e3", 1000),
     ("1,234", None), ("12,50", None), ("1,23.5", None)],
)  # fmt: skip
def test_with_a_decimal_point_thousands_are_read_only_where_they_are_plain(
    home: Home, number: str, value: float | None
) -> None:
    assert paid(home, "point", number) == value


def test_a_negative_amount_with_a_comma_is_negative(home: Home) -> None:
    mapping = MAPPING.format(decimal="comma") + "negative: refund\n"
    take(home, mapping, "buyer;day;paid", "b1;2026-01-05;-1.234,50")
    assert [row["type"] for row in home.events()] == ["order_refunded"]


def test_a_number_that_is_none_is_set_aside_as_it_stood(home: Home) -> None:
    lines = ("buyer;day;paid", "b1;2026-01-05;12,50 €")
    report = take(home, MAPPING.format(decimal="comma"), *lines)
    assert "total is not a number: 12,50 €" in report.set_aside["invalid_property"].example


def test_a_column_of_numbers_is_read_as_it_is_whatever_the_decimal(home: Home) -> None:
    table = pa.table({"buyer": ["b1"], "day": ["2026-01-05"], "paid": [12.5]})
    pq.write_table(table, home.folder / "table.parquet")
    (home.folder / "map.yaml").write_text(MAPPING.format(decimal="comma"))
    home.take(home.folder / "table.parquet", "csv", mapping=home.folder / "map.yaml")
    assert json.loads(home.events()[0]["properties"])["total"] == 12.5


def test_days_are_counted_from_day_zero_in_their_zone(home: Home) -> None:
    time = "{column: day, format: day, day_zero: 2025-12-31, zone: Europe/Berlin}"
    report = take(home, TIMED.format(time=time), "buyer,day", "b1,1", "b2,187", "b3,1.5", "b4,x",
                  "b5,9e9", "b6,-1")  # fmt: skip
    assert [row["ts"] for row in home.events()] == [
        datetime(2025, 12, 29, 23, tzinfo=UTC),
        datetime(2025, 12, 31, 23, tzinfo=UTC),
        datetime(2026, 1, 1, 11, tzinfo=UTC),
        datetime(2026, 7, 5, 22, tzinfo=UTC),
    ]
    assert report.set_aside["unparseable_time"].rows == 2


def test_a_spreadsheets_serial_dates_are_days_since_the_end_of_1899(home: Home) -> None:
    time = "{column: day, format: day, day_zero: 1899-12-30}"
    take(home, TIMED.format(time=time), "buyer,day", "b1,46027.729166667")
    assert [row["ts"] for row in home.events()] == [datetime(2026, 1, 5, 17, 30, tzinfo=UTC)]


def test_a_clock_beside_a_day_number_is_no_mapping() -> None:
    time = "{column: day, clock: hour, format: day, day_zero: 2025-12-31}"
    with pytest.raises(InvalidInput) as error:
        parse(TIMED.format(time=time), "map.yaml")
    assert "clock" in error.value.message


def test_rows_of_one_customer_and_day_are_one_order_where_the_day_is_the_order_id(
    home: Home,
) -> None:
    mapping = TIMED.format(time="{column: day, format: '%m/%d/%Y'}") + "order_id: day\n"
    mapping = mapping.replace(
        "properties: {total: {constant: 1}}", "lines: {product_id: item, amount: paid}"
    )
    take(home, mapping, "buyer,day,item,paid", "b1,11/1/2000,i1,2", "b1,11/1/2000,i2,3",
         "b1,11/2/2000,i1,2", "b2,11/1/2000,i1,4")  # fmt: skip
    assert [json.loads(row["properties"])["total"] for row in home.events()] == [5, 4, 2]


def test_the_time_of_day_may_stand_in_a_column_of_its_own(home: Home) -> None:
    time = '{column: day, clock: hour, format: ["%d.%m.%Y %H:%M", "%d.%m.%Y"], zone: Europe/Berlin}'
    take(home, TIMED.format(time=time), "buyer,day,hour", "b1,05.01.2026,12:30", "b2,06.01.2026,")
    assert [row["ts"] for row in home.events()] == [
        datetime(2026, 1, 5, 11, 30, tzinfo=UTC),
        datetime(2026, 1, 5, 23, tzinfo=UTC),
    ]


@pytest.mark.parametrize("time", ["{column: day, format: day}",
                                  "{column: day, day_zero: 2025-12-31}",
                                  "{column: day, format: day, day_zero: soon}"])  # fmt: skip
def test_a_day_without_a_day_zero_is_no_mapping(time: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse(TIMED.format(time=time), "map.yaml")
    assert "day_zero" in error.value.message
