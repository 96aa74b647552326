"""Online Retail's lines become orders, refunds and profiles."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retain.errors import UnreadableFile
from retain.importers.online_retail import declared
from tests.import_home import Home, set_aside

HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
FIRST = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def take(home: Home, *lines: str, header: str = HEADER) -> Any:
    return home.take(home.write("retail.csv", header, *lines), "online-retail")


LINE = {
    "invoice": "489434",
    "code": "85048",
    "what": "LUNCH BAG",
    "quantity": "2",
    "time": "2010-07-01 08:45:00",
    "price": "6.95",
    "customer": "13085.0",
    "country": "United Kingdom",
}


def line(invoice: str = "489434", **changes: str) -> str:
    return ",".join({**LINE, "invoice": invoice, **changes}.values())


def orders(home: Home) -> list[dict[str, Any]]:
    return [row for row in home.events() if row["type"].startswith("order")]


def test_an_invoice_is_an_order_with_its_lines(home: Home) -> None:
    report = take(home, line(), line(code="79323P", what="PINK CHERRY LIGHTS", quantity="1"))
    (order,) = orders(home)
    assert order["event_id"] == "online-retail:489434:13085"
    assert order["customer_id"] == "13085"
    assert order["ts"] == datetime(2010, 7, 1, 7, 45, tzinfo=UTC)
    assert json.loads(order["properties"]) == {
        "order_id": "489434",
        "currency": "GBP",
        "lines": [
            {"product_id": "85048", "category": "lunch and picnic", "quantity": 2.0, "price": 6.95},
            {"product_id": "79323P", "category": "candles and lights", "quantity": 1.0,
             "price": 6.95},
        ],
        "total": 20.85,
    }  # fmt: skip
    assert (report.rows_kept, report.customers) == (2, 1)


def test_the_column_names_of_the_first_edition_are_known(home: Home) -> None:
    assert take(home, line(), header=FIRST).rows_kept == 1


def test_a_cancellation_is_a_refund_of_positive_value(home: Home) -> None:
    take(home, line(), line("C489500", quantity="-1", time="2010-07-05 10:00:00"))
    refund = orders(home)[1]
    assert refund["type"] == "order_refunded"
    bag = json.loads(refund["properties"])
    assert (bag["total"], bag["lines"][0]["quantity"]) == (6.95, 1.0)


def test_a_country_is_a_profile_where_first_seen_and_where_changed(home: Home) -> None:
    take(
        home,
        line("1", time="2010-01-01 10:00:00"),
        line("2", time="2010-01-02 10:00:00"),
        line("3", time="2010-01-03 10:00:00", country="France"),
        line("4", time="2010-01-04 10:00:00", customer="2", country="Unspecified"),
    )
    profiles = [row for row in home.events() if row["type"] == "profile_updated"]
    assert [json.loads(row["properties"])["country"] for row in profiles] == [
        "United Kingdom",
        "France",
    ]
    assert json.loads(profiles[0]["properties"])["currency"] == "GBP"
    assert home.events()[0] == profiles[0]


def test_a_line_is_set_aside_for_its_reason(home: Home) -> None:
    report = take(
        home,
        line(),
        line(customer=""),
        line(),
        line(time="when it rained"),
        line(time="2031-01-01 10:00:00"),
        line(code="POST"),
        line(code="gift_0001_10"),
        line(code="m"),
        line(code="TEST001"),
        line(code=""),
        line(quantity="0"),
        line(quantity="-3"),
        line("C9", quantity="3"),
        line(price="0"),
        line(price="-11062.06"),
        line(quantity="two"),
        line(price="free"),
        line(invoice=""),
        "489434,85048",
    )
    assert {row["row"]: row["reason"] for row in set_aside(report)} == {
        "2": "no_customer_id",
        "3": "duplicate",
        "4": "unparseable_time",
        "5": "future_time",
        "6": "non_product_code",
        "7": "non_product_code",
        "8": "non_product_code",
        "9": "non_product_code",
        "10": "non_product_code",
        "11": "zero_quantity",
        "12": "negative_quantity",
        "13": "positive_quantity",
        "14": "price_not_positive",
        "15": "price_not_positive",
        "16": "invalid_quantity",
        "17": "invalid_price",
        "18": "no_order_id",
        "19": "malformed_row",
    }
    assert (report.rows_read, report.rows_kept) == (19, 1)
    assert set_aside(report)[0]["StockCode"] == "85048"


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (["12/1/2010 8:26", "12/25/2010 8:26"], datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
        (["01/12/2010 08:26", "25/12/2010 08:26"], datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
    ],
)
def test_slashed_dates_are_read_by_the_files_other_days(
    home: Home, times: list[str], first: datetime
) -> None:
    take(home, *(line(str(number), time=time) for number, time in enumerate(times)))
    assert orders(home)[0]["ts"] == first


def test_lines_of_one_invoice_at_two_minutes_are_one_order(home: Home) -> None:
    take(home, line(time="2010-01-01 10:01:00"), line(code="2", time="2010-01-01 10:00:00"))
    (order,) = orders(home)
    assert order["ts"] == datetime(2010, 1, 1, 10, 0, tzinfo=UTC)


def test_a_product_has_one_category_whatever_its_lines_are_called(home: Home) -> None:
    take(home, line("1", what="RED MUG"), line("2", what="RED MUG"), line("3", what="damaged bag"))
    lines = [json.loads(order["properties"])["lines"][0] for order in orders(home)]
    assert {entry["category"] for entry in lines} == {"kitchen and dining"}


def test_a_product_without_a_telling_word_is_other(home: Home) -> None:
    take(home, line(what="WRAPPINGS"), line(code="1", what=""))
    lines = json.loads(orders(home)[0]["properties"])["lines"]
    assert [entry["category"] for entry in lines] == ["other", "other"]


def test_an_overlapping_file_doubles_no_order(home: Home) -> None:
    take(home, line("1"), line("2"))
    path = home.write("later.csv", FIRST, line("2"), line("3"))
    report = home.take(path, "online-retail")
    assert {order["event_id"] for order in orders(home)} == {
        f"online-retail:{invoice}:13085" for invoice in (1, 2, 3)
    }
    assert report.events_written == 1


def test_reading_in_many_buckets_gives_the_same_log(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retain.importers import staging

    countries = ["UK", "France", "", "UK"]
    lines = [
        line(
            f"{'C' if n % 7 == 3 else ''}{n // 3}",
            code=str(n),
            quantity="-1" if n % 7 == 3 else "1",
            time=f"2010-01-{n % 28 + 1:02d} 10:00:00",
            customer=str(n // 3 % 5),
            country=countries[n % 4],
        )
        for n in range(60)
    ]
    take(home, *lines)
    monkeypatch.setattr(staging, "_BUCKET_ROWS", 4)
    other = Home(tmp_path / "other")
    report = take(other, *lines)
    assert other.events() == home.events()
    assert report.rows_kept == 60


def test_a_table_of_other_columns_is_another_format(home: Home) -> None:
    with pytest.raises(UnreadableFile, match=r"needs the columns Invoice or InvoiceNo.*has a, b"):
        take(home, "1,2", header="a,b")


def test_a_spreadsheet_says_how_to_convert_it(home: Home) -> None:
    path = home.folder / "online_retail_II.xlsx"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(UnreadableFile) as caught:
        home.take(path, "online-retail")
    assert "CSV" in caught.value.remedy


def test_a_category_is_declared_once_and_its_words_are_words() -> None:
    rows = declared()["categories"]
    assert len({row["category"] for row in rows}) == len(rows)
    assert all(word == word.upper() and word.strip() for row in rows for word in row["words"])


_cell = {
    "invoice": ["1", "C2", "", "3"],
    "code": ["85048", "POST", "", "x"],
    "what": ["MUG", ""],
    "quantity": ["1", "-1", "0", "x", ""],
    "time": ["2010-07-01 08:45:00", "", "x", "2031-01-01"],
    "price": ["1", "0", "", "-2"],
    "customer": ["1", "2.0", "", "x" * 201],
    "country": ["UK", "", "Unspecified"],
}


@given(
    st.lists(st.fixed_dictionaries({k: st.sampled_from(v) for k, v in _cell.items()}), max_size=12)
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_is_kept_or_set_aside(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    home = Home(tmp_path / f"{abs(hash(str(rows)))}")
    report = take(home, *(line(**row) for row in rows))
    assert report.rows_read == len(rows) == report.rows_kept + report.rows_set_aside
    kept = sum(len(json.loads(order["properties"])["lines"]) for order in orders(home))
    assert kept == report.rows_kept
    if report.rows_set_aside:
        with (Path(report.folder) / "set_aside.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == report.rows_set_aside
