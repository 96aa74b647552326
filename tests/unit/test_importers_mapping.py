"""Anybody's table by a mapping: what each part of it does, and what it refuses."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retain.errors import InvalidInput, UnreadableFile
from retain.importers.mapping import parse, preset
from tests.import_home import Home, set_aside

ORDERS = """
name: myshop
type: {constant: order_completed}
customer_id: buyer
order_id: order
time: {column: day}
currency: EUR
lines: {product_id: article, quantity: pieces, price: price}
"""
HEADER = "order,buyer,day,article,pieces,price"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def take(home: Home, mapping: str, *lines: str, **options: Any) -> Any:
    (home.folder / "map.yaml").write_text(mapping)
    path = home.write("table.csv", *lines)
    return home.take(path, "csv", mapping=home.folder / "map.yaml", **options)


def bags(home: Home) -> list[dict[str, Any]]:
    return [json.loads(row["properties"]) for row in home.events()]


def test_rows_of_one_order_and_customer_are_one_order(home: Home) -> None:
    report = take(home, ORDERS, HEADER, "o1,b1,2026-01-05,a,2,3.5", "o1,b1,2026-01-05,b,1,4",
                  "o2,b1,2026-01-06,a,1,3.5", "o1,b2,2026-01-07,a,1,3.5")  # fmt: skip
    assert (report.rows_kept, report.events_written, report.customers) == (4, 3, 2)
    assert bags(home)[0] == {
        "order_id": "o1",
        "currency": "EUR",
        "lines": [
            {"product_id": "a", "quantity": 2.0, "price": 3.5},
            {"product_id": "b", "quantity": 1.0, "price": 4.0},
        ],
        "total": 11.0,
    }
    assert home.events()[0]["event_id"] == "myshop:order_completed:o1:b1"
    assert home.events()[0]["source"] == "myshop"


def test_importing_again_doubles_nothing_also_under_another_currency(home: Home) -> None:
    line = "o1,b1,2026-01-05,a,2,3.5"
    take(home, ORDERS, HEADER, line)
    again = take(home, ORDERS, HEADER, line, currency="USD")
    assert (again.events_written, again.events_already_logged) == (0, 1)


def test_wrong_rows_are_set_aside_with_their_own_columns(home: Home) -> None:
    report = take(
        home, ORDERS, HEADER,
        "o1,b1,2026-01-05,a,2,3.5",
        "o1,b1,2026-01-05,a,2,3.5",
        "o2,,2026-01-05,a,1,1",
        "o3,b1,soon,a,1,1",
        "o4,b1,2027-01-05,a,1,1",
        "o5,b1,1950-01-05,a,1,1",
        "o6,b1,2026-01-05,a,many,1",
        "o7,b1,2026-01-05,a,-1,1",
        "o8,b1,2026-01-05,a,1,-1",
        "o9,b1,2026-01-05,a,1,",
        "o10,b1",
    )  # fmt: skip
    reasons = {row["row"]: row["reason"] for row in set_aside(report)}
    assert reasons == {
        "2": "duplicate",
        "3": "no_customer_id",
        "4": "unparseable_time",
        "5": "future_time",
        "6": "implausible_time",
        "7": "invalid_property",
        "8": "negative_value",
        "9": "negative_price",
        "10": "no_value",
        "11": "malformed_row",
    }
    assert report.rows_read == 11
    assert report.rows_kept == 1
    assert set_aside(report)[3]["order"] == "o4"
    assert "many" in report.set_aside["invalid_property"].example


def test_negative_rows_are_refunds_where_the_mapping_says_so(home: Home) -> None:
    take(home, ORDERS + "negative: refund\n", HEADER, "o1,b1,2026-01-05,a,2,3.5",
         "o1,b1,2026-01-09,a,-1,3.5")  # fmt: skip
    assert [row["type"] for row in home.events()] == ["order_completed", "order_refunded"]
    assert bags(home)[1]["total"] == 3.5
    assert bags(home)[1]["lines"][0]["quantity"] == 1.0


def test_an_amount_is_the_price_of_all_pieces(home: Home) -> None:
    mapping = ORDERS.replace("price: price", "amount: price")
    take(home, mapping, HEADER, "o1,b1,2026-01-05,a,4,10")
    assert bags(home)[0]["lines"][0]["price"] == 2.5
    assert bags(home)[0]["total"] == 10.0


def test_codes_that_are_no_product_are_set_aside(home: Home) -> None:
    report = take(home, ORDERS + "non_product_codes: [POST, 99]\n", HEADER,
                  "o1,b1,2026-01-05,post,2,3.5", "o2,b1,2026-01-05,99,1,1")  # fmt: skip
    assert report.set_aside["non_product_code"].rows == 2


EVENTS = """
type: {column: what, values: {look: product_viewed, buy: order_completed}}
customer_id: who
time: {column: at, format: epoch}
properties: {product_id: item, total: worth}
"""


def test_a_value_map_gives_the_vocabularys_words(home: Home) -> None:
    report = take(home, EVENTS, "what,who,at,item,worth", "look,1.0,1767225600,p1,",
                  "buy,1,1767225600000,p1,9", "search,1,1767225600,,", "dance,1,1767225600,,")  # fmt: skip
    assert {row["type"] for row in home.events()} == {
        "product_viewed", "order_completed", "searched",
    }  # fmt: skip
    assert {row["customer_id"] for row in home.events()} == {"1"}
    assert {row["ts"] for row in home.events()} == {datetime(2026, 1, 1, tzinfo=UTC)}
    assert report.set_aside["unknown_type"].rows == 1
    assert report.dropped_properties == {}


def test_a_local_time_is_read_in_its_zone(home: Home) -> None:
    mapping = EVENTS.replace(
        "format: epoch", "format: ['%d.%m.%Y %H:%M', iso], zone: Europe/Berlin"
    )
    take(home, mapping, "what,who,at,item,worth", "look,1,01.07.2026 12:00,p,",
         "look,1,2026-01-01 12:00,p,", "look,1,2026-01-02T12:00:00-05:00,p,")  # fmt: skip
    assert {row["ts"].isoformat() for row in home.events()} == {
        "2026-07-01T10:00:00+00:00",
        "2026-01-01T11:00:00+00:00",
        "2026-01-02T17:00:00+00:00",
    }


def test_repeated_rows_are_kept_and_numbered_where_the_mapping_says_so(home: Home) -> None:
    lines = ["what,who,at,item,worth", "look,1,1767225600,p,", "look,1,1767225600,p,"]
    report = take(home, EVENTS + "duplicates: keep\n", *lines)
    assert (report.rows_kept, report.events_written) == (2, 2)
    first, second = (row["event_id"] for row in home.events())
    assert second == f"{first}:2"


def test_reading_in_many_buckets_gives_the_same_log(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retain.importers import staging

    lines = [f"look,{n % 3},{1767225600 + n // 5},p{n % 2}," for n in range(60)]
    mapping = EVENTS + "duplicates: keep\n"
    take(home, mapping, "what,who,at,item,worth", *lines)
    monkeypatch.setattr(staging, "_BUCKET_ROWS", 4)
    other = Home(tmp_path / "other")
    report = take(other, mapping, "what,who,at,item,worth", *lines)
    assert other.events() == home.events()
    assert (report.rows_kept, report.events_written) == (60, 60)


def test_ids_of_the_users_own_are_kept_and_repeats_of_them_set_aside(home: Home) -> None:
    mapping = EVENTS + "event_id: id\n"
    report = take(home, mapping, "id,what,who,at,item,worth", "x1,look,1,1767225600,p,",
                  "x1,look,2,1767225601,p,")  # fmt: skip
    assert [row["event_id"] for row in home.events()] == ["x1"]
    assert (report.rows_kept, report.set_aside["duplicate"].rows) == (1, 1)


def test_the_columns_are_found_whatever_they_are_called(home: Home) -> None:
    mapping = """
type: {constant: searched}
customer_id: ["Kunde; \\"Nr'", other]
time: row
properties: {query: select}
"""
    path = home.folder / "t.parquet"
    pq.write_table(
        pa.table(
            {
                "Kunde; \"Nr'": [1.0, float("nan")],
                "row": pa.array([datetime(2026, 1, 1), datetime(2026, 1, 2)], pa.timestamp("ns")),  # noqa: DTZ001
                "select": ["'; DROP TABLE source; --", "b"],
                "malformed": ["x", "y"],
            }
        ),
        path,
    )
    (home.folder / "m.yaml").write_text(mapping)
    report = home.take(path, "csv", mapping=home.folder / "m.yaml")
    assert bags(home) == [{"query": "'; DROP TABLE source; --"}]
    assert report.set_aside["no_customer_id"].rows == 1
    assert set_aside(report)[0]["malformed"] == "y"


def test_a_file_without_a_mapped_column_is_another_format(home: Home) -> None:
    with pytest.raises(UnreadableFile) as caught:
        take(home, ORDERS, "order,day,article,pieces,price", "1,2,3,4,5")
    assert "buyer" in caught.value.message


def test_a_file_of_a_header_alone_is_zero_rows(home: Home) -> None:
    report = take(home, ORDERS, HEADER)
    assert (report.rows_read, report.events_written) == (0, 0)


def test_csv_needs_a_mapping(home: Home) -> None:
    with pytest.raises(InvalidInput, match="needs a mapping"):
        home.take(home.write("t.csv", "a,b", "1,2"), "csv")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("type: {constant: searched}", "time"),
        ("time: t", "type"),
        ("type: t\ntime: {column: t, zone: Mars}", "time.zone"),
        ("type: t\ntime: t\nproperties: {colour: c}", "properties"),
        ("type: t\ntime: t\nlines: {weight: c}", "lines"),
        ("type: t\ntime: t\nshoe: c", "shoe"),
        ("type: t\ntime: t\nname: 'a b'", "name"),
        ("type: t\ntime: t\ncurrency: GPB", "currency"),
        ("type: {}\ntime: t", "type"),
        ("type: t\ntime: t\nfile: {separator: '::'}", "file.separator"),
        ("- a list", "the mapping"),
        ("a: [", "mapping"),
    ],
)
def test_a_wrong_mapping_names_the_part_at_fault(text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text, "map.yaml")
    assert caught.value.field == field
    assert caught.value.remedy


def test_a_missing_mapping_is_said_to_be(home: Home) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        home.take(home.write("t.csv", "a", "1"), "csv", mapping=home.folder / "none.yaml")


def test_cdnow_keeps_repeated_rows_and_reads_both_files(home: Home) -> None:
    master = home.write("CDNOW_master.txt", " 00001 19970101  1   11.77", " 00002 19970112  2   24.00",
                        " 00002 19970112  2   24.00")  # fmt: skip
    report = home.take(master, "cdnow")
    assert (report.rows_kept, report.events_written, report.currency) == (3, 3, "USD")
    assert bags(home)[1] == {
        "currency": "USD",
        "lines": [{"product_id": "cd", "category": "music", "quantity": 2.0, "price": 12.0}],
        "total": 24.0,
    }
    sample = home.write(
        "CDNOW_sample.txt", " 00004 1 19970101  2   29.33", " 00001 2 19970101 1 11.77"
    )
    assert home.take(sample, "cdnow").events_already_logged == 1


def test_retailrocket_is_read_as_upstream_and_reduced(home: Home) -> None:
    upstream = home.write("events.csv", "timestamp,visitorid,event,itemid,transactionid",
                          "1433221332117,257597,view,355908,", "1433221332118,257597,addtocart,355908,",
                          "1433221332119,257597,transaction,355908,4000",
                          "1433221332120,257597,transaction,15335,4000")  # fmt: skip
    report = home.take(upstream, "retailrocket")
    assert [row["type"] for row in home.events()] == [
        "product_viewed", "product_added", "order_completed",
    ]  # fmt: skip
    assert report.rows_kept == 4
    assert bags(home)[0] == {"product_id": "355908"}
    assert bags(home)[2]["total"] == 0.0
    assert [line["product_id"] for line in bags(home)[2]["lines"]] == ["355908", "15335"]
    assert home.events()[0]["ts"] == datetime(2015, 6, 2, 5, 2, 12, 117000, tzinfo=UTC)


def test_the_presets_are_mappings() -> None:
    assert preset("cdnow").duplicates == "keep"
    assert preset("retailrocket").name == "retailrocket"


_cells = st.sampled_from(
    ["", "o1", "b1", "2026-01-05", "x", "-3", "2", "1e999", "NaN", "\x1c", '"', "é"]
)


@given(st.lists(st.lists(_cells, min_size=1, max_size=7), max_size=10), st.booleans())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_of_a_table_is_kept_or_set_aside(
    tmp_path: Path, lines: list[list[str]], refund: bool
) -> None:
    home = Home(tmp_path / f"{abs(hash((str(lines), refund)))}")
    path = home.folder / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER.split(","), *lines])
    (home.folder / "m.yaml").write_text(ORDERS + ("negative: refund\n" if refund else ""))
    report = home.take(path, "csv", mapping=home.folder / "m.yaml")
    assert report.rows_read == report.rows_kept + report.rows_set_aside
    assert report.rows_set_aside == (len(set_aside(report)) if report.rows_set_aside else 0)
    lines_kept = sum(len(bag["lines"]) for bag in bags(home))
    assert lines_kept == report.rows_kept
