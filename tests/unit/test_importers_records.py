"""Event files: every row is kept or set aside with its reason, and no file aborts by a row."""

import gzip
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
from retain.event import EVENT_SCHEMA, Event, read_event, to_table
from retain.importers import FORMATS, import_file
from tests.import_home import NOW, Home, set_aside


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def view(event_id: str, **changes: Any) -> dict[str, Any]:
    record = {"event_id": event_id, "type": "product_viewed", "customer_id": "c1",
              "timestamp": "2026-11-01T10:00:00Z", "properties": {"product_id": "p1"}}  # fmt: skip
    return {**record, **changes}


def test_json_lines_become_events(home: Home) -> None:
    report = home.take(home.write("events.jsonl", view("a"), view("b", customer_id=17850.0)))
    assert (report.rows_read, report.rows_kept, report.events_written) == (2, 2, 2)
    assert report.customers == 2
    assert report.first_event_at == report.last_event_at == "2026-11-01T10:00:00Z"
    assert [row["customer_id"] for row in home.events()] == ["c1", "17850"]


def test_gzipped_lines_are_read_like_plain_ones(home: Home) -> None:
    path = home.folder / "events.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(view("a")) + "\n").encode()))
    assert home.take(path).events_written == 1


def test_wrong_rows_are_set_aside_with_their_row_reason_and_text(home: Home) -> None:
    path = home.write(
        "events.jsonl",
        view("a"),
        "{not json",
        "",
        "[1, 2]",
        view("b", type="teleported"),
        view("c", customer_id=None),
        view("d", timestamp="soon"),
        view("e", timestamp="2027-01-01"),
        view("a"),
    )
    report = home.take(path)
    assert (report.rows_read, report.rows_kept, report.rows_set_aside) == (8, 1, 7)
    rows = {row["row"]: row for row in set_aside(report)}
    assert {number: row["reason"] for number, row in rows.items()} == {
        "2": "malformed_row",
        "4": "not_an_object",
        "5": "unknown_type",
        "6": "no_customer_id",
        "7": "unparseable_time",
        "8": "future_time",
        "9": "duplicate",
    }
    assert json.loads(rows["5"]["record"]) == view("b", type="teleported")
    assert all(row["detail"] for row in rows.values())
    assert report.set_aside["duplicate"].rows == 1
    assert report.set_aside["unknown_type"].example.startswith("row 5: ")


def test_bytes_that_are_no_utf8_are_set_aside(home: Home) -> None:
    path = home.folder / "events.jsonl"
    path.write_bytes(b'{"type": "\xff"}\n' + json.dumps(view("a")).encode())
    report = home.take(path)
    assert report.rows_kept == 1
    assert set_aside(report)[0]["detail"].startswith("not UTF-8")


def test_a_line_of_megabytes_is_set_aside(home: Home) -> None:
    path = home.write("events.jsonl", view("a", note="x" * (5 << 20)), view("b"))
    report = home.take(path)
    assert report.set_aside["malformed_row"].rows == 1
    assert [row["event_id"] for row in home.events()] == ["b"]


def test_where_nothing_is_set_aside_there_is_no_file(home: Home) -> None:
    report = home.take(home.write("events.jsonl", view("a")))
    assert [path.name for path in Path(report.folder).iterdir()] == ["report.json"]
    assert json.loads((Path(report.folder) / "report.json").read_text())["rows_set_aside"] == 0


def test_the_report_is_written_beside_it_by_the_files_digest(home: Home) -> None:
    path = home.write("events.jsonl", view("a"), "{")
    report = home.take(path)
    assert Path(report.folder).name == f"events.jsonl-{report.digest[:12]}"
    written = json.loads((Path(report.folder) / "report.json").read_text())
    assert written == json.loads(report.to_json())
    assert written["set_aside"]["malformed_row"]["rows"] == 1


def test_a_person_can_read_the_report(home: Home) -> None:
    report = home.take(
        home.write("events.jsonl", view("a", properties={"colour": "red"}), view("b", type="x"))
    )
    text = report.text()
    for words in ("rows read", "rows set aside", "unknown_type", "row 2:", "colour 1"):
        assert words in text


def test_importing_again_doubles_nothing(home: Home) -> None:
    path = home.write("events.jsonl", view("a"), view("b"), view(""))
    home.take(path)
    before = home.events()
    again = home.take(path)
    assert (again.events_written, again.events_already_logged) == (0, 3)
    assert home.events() == before


def test_a_repaired_file_leaves_no_old_set_aside_rows(home: Home) -> None:
    path = home.write("events.jsonl", view("a", timestamp="2026-12-01"))
    report = home.take(path)
    assert report.rows_set_aside == 1
    later = import_file(
        path, "retain", home.log, home.folder / "imports",
        received_at=datetime(2026, 12, 2, tzinfo=UTC),
    )  # fmt: skip
    assert later.rows_set_aside == 0
    assert not (Path(later.folder) / "set_aside.csv").exists()


def as_table(*records: dict[str, Any]) -> pa.Table:
    events = [read_event(record, NOW) for record in records]
    return to_table([event for event in events if isinstance(event, Event)])


def test_a_parquet_table_of_events_is_read(home: Home) -> None:
    table = as_table(view("a"), view("b", properties={"price": 2.5}))
    pq.write_table(table, home.folder / "events.parquet")
    report = home.take(home.folder / "events.parquet")
    assert report.events_written == 2
    assert home.events()[1]["properties"] == '{"price":2.5}'


def test_an_exported_part_can_be_imported(home: Home, tmp_path: Path) -> None:
    from retain import history

    home.take(home.write("events.jsonl", view("a"), view("b")))
    history.export(home.log, home.folder / "history")
    part = next((home.folder / "history").rglob("part-*.parquet"))
    other = Home(tmp_path / "other")
    report = other.take(part)
    assert report.dropped_properties == {}
    assert other.events() == home.events()


def test_a_parquet_row_set_aside_shows_its_columns(home: Home) -> None:
    table = as_table(view("a"), view("b"), view("b"))
    broken = table.set_column(
        table.schema.get_field_index("properties"), "properties", pa.array(["{}", "{", "{}"])
    )
    pq.write_table(broken, home.folder / "events.parquet")
    rows = set_aside(home.take(home.folder / "events.parquet"))
    assert [(row["row"], row["reason"]) for row in rows] == [("2", "malformed_properties")]
    assert json.loads(rows[0]["record"])["event_id"] == "b"


def test_a_parquet_of_other_spellings_is_read_row_by_row(home: Home) -> None:
    table = pa.table({"event": ["view_item"], "userId": [7.0], "time": [1793527200], "sku": ["p1"]})
    pq.write_table(table, home.folder / "e.parquet")
    home.take(home.folder / "e.parquet")
    (event,) = home.events()
    assert (event["type"], event["customer_id"]) == ("product_viewed", "7")
    assert event["properties"] == '{"product_id":"p1"}'


def test_a_folder_of_event_files_is_read_as_one(home: Home) -> None:
    shop = home.folder / "shop"
    shop.mkdir()
    pq.write_table(as_table(view("a")), shop / "events-1.parquet")
    pq.write_table(as_table(view("b"), view("a")), shop / "events-2.parquet")
    pq.write_table(pa.table({"x": [1]}), shop / "truth.parquet")
    report = home.take(shop)
    assert (report.rows_read, report.events_written, report.rows_set_aside) == (3, 2, 1)
    assert set_aside(report)[0]["row"] == "3"


def test_orders_without_a_currency_get_the_one_given(home: Home) -> None:
    orders = [
        view("a", type="purchase", properties={"total": 5, "order_id": "o1"}),
        view("b", type="purchase", properties={"total": 5, "currency": "EUR"}),
        view("c", type="refund", properties={"total": 5}),
    ]
    report = home.take(home.write("events.jsonl", *orders, view("d")), currency="gbp")
    assert report.currencies == {"GBP": 2, "EUR": 1}
    assert report.currency == "GBP"
    assert [row["properties"] for row in home.events()] == [
        '{"order_id":"o1","currency":"GBP","total":5.0}',
        '{"currency":"EUR","total":5.0}',
        '{"currency":"GBP","total":5.0}',
        '{"product_id":"p1"}',
    ]


def test_segment_calls_are_read(home: Home) -> None:
    calls = [
        {"type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "u",
         "timestamp": "2026-11-01T10:00:00Z", "properties": {"sku": "p1"}},
        {"type": "identify", "messageId": "m2", "userId": "u", "timestamp": "2026-11-01",
         "traits": {"email": "a@b", "address": {"country": "DE"}}},
        {"type": "page", "name": "Home", "messageId": "m3", "anonymousId": "a",
         "timestamp": "2026-11-01"},
        {"type": "group", "messageId": "m4", "userId": "u", "timestamp": "2026-11-01"},
    ]  # fmt: skip
    report = home.take(home.write("calls.jsonl", *calls), "segment")
    assert [row["type"] for row in home.events()] == [
        "product_viewed",
        "profile_updated",
        "page_viewed",
    ]
    assert report.set_aside["unknown_type"].rows == 1
    assert report.dropped_properties == {"email": 1}


def test_progress_ends_at_the_last_row(home: Home) -> None:
    told: list[tuple[int, int]] = []
    path = home.write("events.jsonl", view("a"), view("b"))
    home.take(path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)


def test_names_beyond_a_thousand_are_counted_together(home: Home) -> None:
    records = [view(f"e{n}", properties={f"x{n}": 1}) for n in range(1_200)]
    report = home.take(home.write("events.jsonl", *records))
    assert len(report.dropped_properties) == 1_001
    assert sum(report.dropped_properties.values()) == 1_200


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n \n", "is empty"),
        ("orders.csv", b"Invoice,StockCode,Quantity\n1,2,3\n", "and has Invoice, StockCode"),
        ("array.json", b'[{"type": "x"}]', "JSON array"),
        ("pretty.json", b'{\n  "type": "x"\n}\n', "several lines"),
        ("book.xlsx", b"PK\x03\x04rest", "Excel"),
        ("cut.parquet", b"PAR1 and then nothing", "damaged"),
        ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 999)[:-9], "damaged"),
    ],
)
def test_a_file_of_another_kind_is_named_and_nothing_is_stored(
    home: Home, name: str, content: bytes, words: str
) -> None:
    (home.folder / name).write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        home.take(home.folder / name)
    assert words in caught.value.message
    assert caught.value.remedy
    assert home.log.count() == 0


def test_a_file_that_looks_like_another_format_says_which(home: Home) -> None:
    path = home.write("r.csv", "timestamp,visitorid,event,itemid,transactionid")
    with pytest.raises(UnreadableFile) as caught:
        home.take(path)
    assert "--format retailrocket" in caught.value.remedy


def test_a_missing_file_and_an_empty_folder_are_said_to_be(home: Home) -> None:
    with pytest.raises(UnreadableFile, match="does not exist"):
        home.take(home.folder / "nothing.jsonl")
    (home.folder / "folder").mkdir()
    with pytest.raises(UnreadableFile, match="without event files"):
        home.take(home.folder / "folder")


def test_an_unknown_format_or_currency_names_the_field(home: Home) -> None:
    path = home.write("events.jsonl", view("a"))
    for options, field in (({"format_name": "sap"}, "format"), ({"currency": "GPB"}, "currency")):
        with pytest.raises(InvalidInput) as caught:
            home.take(path, **options)
        assert caught.value.field == field


def test_every_format_promised_is_there() -> None:
    promised = {"retain", "online-retail", "cdnow", "retailrocket", "segment", "csv", "products",
                "calendar"}  # fmt: skip
    assert set(FORMATS) == promised


_records = st.one_of(
    st.builds(
        view,
        st.sampled_from(["a", "b", "c", "", "x" * 201]),
        customer_id=st.sampled_from(["c1", None, 5, 7.0, "é", []]),
        type=st.sampled_from(["view", "product_viewed", "order_completed", "nothing", None]),
        timestamp=st.sampled_from(["2026-11-01", "2030-01-01", "x", None, 1.6e9]),
        properties=st.sampled_from([{}, {"total": 1}, {"total": "x"}, "{", 5, None, {"zz": 1}]),
    ).map(json.dumps),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\n\r"), max_size=9),
)


@given(st.lists(_records, min_size=1, max_size=12))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_read_is_kept_or_set_aside(tmp_path: Path, lines: list[str]) -> None:
    home = Home(tmp_path / f"{abs(hash(tuple(lines)))}")
    path = home.folder / "events.jsonl"
    path.write_text('{"first": 1}\n' + "\n".join(lines), encoding="utf-8")
    report = home.take(path)
    rows = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
    assert report.rows_read == rows == report.rows_kept + report.rows_set_aside
    assert report.rows_set_aside == sum(entry.rows for entry in report.set_aside.values())
    assert report.rows_set_aside == len(set_aside(report))
    assert report.events_written == report.rows_kept == home.log.count()


def test_schema_of_what_is_stored_is_the_event_table(home: Home) -> None:
    home.take(home.write("events.jsonl", view("a")))
    stored = next(home.log.after(0))
    assert stored.drop(["seq"]).schema.equals(EVENT_SCHEMA)
