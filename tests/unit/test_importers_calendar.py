"""Calendar files: what is read, what is set aside, and that nothing is doubled."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.calendar import KINDS, Calendar
from retain.errors import UnreadableFile
from retain.importers import past
from tests.import_home import NOW, Home, set_aside

HEADER = "date,region,kind,name,known_at"
FIRST, LAST = date(1990, 1, 1), date(2199, 12, 31)


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Home:
    return Home(tmp_path, database_url)


def take(home: Home, *lines: str, header: str = HEADER, **options: Any) -> Any:
    return home.take(home.write("calendar.csv", header, *lines), "calendar", **options)


def names(home: Home, region: str | None = None, known_at: datetime = NOW) -> list[str]:
    return [day.name for day in Calendar(home.log.engine).days(region, FIRST, LAST, known_at)]


def test_a_file_is_read_and_an_entry_without_region_holds_everywhere(home: Home) -> None:
    report = take(
        home,
        "2026-12-25,,holiday,Christmas,2020-01-01",
        "2026-11-27,UK,promotion,Black Friday,2026-10-01T09:00:00+01:00",
    )
    assert (report.rows_kept, report.events_written) == (2, 2)
    assert names(home) == ["Christmas"]
    assert names(home, "UK") == ["Black Friday", "Christmas"]
    assert names(home, "UK", datetime(2026, 10, 1, 7, 59, tzinfo=UTC)) == ["Christmas"]


def test_the_same_file_again_changes_nothing(home: Home) -> None:
    lines = ["2026-12-25,,holiday,Christmas,2020-01-01", "2026-12-25,UK,closure,Shut,2026-01-01"]
    take(home, *lines)
    again = take(home, *lines)
    assert (again.events_written, again.events_already_logged) == (0, 2)
    assert names(home, "UK") == ["Christmas", "Shut"]


def test_what_was_withdrawn_may_come_back_and_a_second_import_does_not_stir_it(home: Home) -> None:
    header = f"{HEADER},withdrawn"
    lines = [
        "2026-12-01,UK,promotion,Sale,2026-01-01,",
        "2026-12-01,UK,promotion,Sale,2026-02-01,yes",
        "2026-12-01,UK,promotion,Sale,2026-03-01,no",
        "2026-12-02,UK,promotion,Sale,2026-01-01,",
        "2026-12-02,UK,promotion,Sale,2026-02-01,yes",
    ]
    for _ in range(2):
        take(home, *lines, header=header)
        days = Calendar(home.log.engine).days("UK", FIRST, LAST, NOW)
        assert [day.date.day for day in days] == [1]
        assert names(home, "UK", datetime(2026, 2, 15, tzinfo=UTC)) == []


def test_wrong_rows_are_set_aside_with_what_is_wrong(home: Home) -> None:
    report = take(
        home,
        "2026-12-25,,holiday,Christmas,2020-01-01,",
        "25.12.2026,,holiday,Christmas,2020-01-01,",
        "2026-02-30,,holiday,No such day,2020-01-01,",
        ",,holiday,Christmas,2020-01-01,",
        "2026-12-26,,festival,Boxing Day,2020-01-01,",
        "2026-12-26,,holiday,,2020-01-01,",
        f"2026-12-26,{'x' * 201},holiday,Boxing Day,2020-01-01,",
        "2026-12-26,,holiday,Boxing Day,,",
        "2026-12-26,,holiday,Boxing Day,2027-01-01,",
        "2026-12-26,,holiday,Boxing Day,1901-01-01,",
        "2026-12-26,,holiday,Boxing Day,2020-01-01,perhaps",
        "2026-12-25,,Holiday,Christmas,2020-01-01T00:00:00Z,no",
        header=f"{HEADER},withdrawn",
    )
    assert {row["row"]: row["reason"] for row in set_aside(report)} == {
        "2": "invalid_date",
        "3": "invalid_date",
        "4": "invalid_date",
        "5": "unknown_kind",
        "6": "no_name",
        "7": "invalid_field",
        "8": "unparseable_time",
        "9": "future_time",
        "10": "implausible_time",
        "11": "invalid_withdrawn",
        "12": "duplicate",
    }
    assert report.rows_read == report.rows_kept + report.rows_set_aside == 12
    assert "competitor_promotion" in report.set_aside["unknown_kind"].example
    assert names(home) == ["Christmas"]


def test_a_frames_own_dates_and_times_are_read(home: Home) -> None:
    table = pa.table(
        {
            "Date": pa.array([date(2026, 12, 25), date(2026, 12, 26)]),
            "Kind": ["holiday", "competitor promotion"],
            "Name": ["Christmas", "Their sale"],
            "Known at": pa.array([NOW, NOW], pa.timestamp("us", "UTC")),
            "Withdrawn": [False, True],
        }
    )
    pq.write_table(table, home.folder / "calendar.parquet")
    report = home.take(home.folder / "calendar.parquet", "calendar")
    assert report.rows_kept == 2
    assert names(home) == ["Christmas"]


def test_a_dry_run_accounts_for_every_row_and_writes_no_entry(home: Home) -> None:
    lines = ["2026-12-25,,holiday,Christmas,2020-01-01", "soon,,holiday,Easter,2020-01-01"]
    report = take(home, *lines, dry_run=True)
    assert (report.rows_kept, report.rows_set_aside, report.events_read) == (1, 1, 1)
    assert (report.events_written, report.events_already_logged) == (0, 0)
    assert names(home) == []
    assert "nothing was written" in report.text()
    take(home, *lines)
    assert names(home) == ["Christmas"]


def test_the_report_speaks_of_entries_and_of_the_days_they_are_on(home: Home) -> None:
    report = take(home, "2026-12-25,,holiday,Christmas,2020-01-01")
    assert "entries written" in report.text()
    assert "customers" not in report.text()
    assert report.last_event_at == "2026-12-25T00:00:00Z"


def test_a_calendar_is_not_taken_for_the_end_of_the_history(home: Home) -> None:
    take(home, "2026-11-21,,holiday,Today,2020-01-01")
    assert past.ending_at(home.folder / "imports", datetime(2026, 11, 21, tzinfo=UTC)) == []


def test_a_table_that_does_not_say_since_when_it_was_known_is_no_calendar(home: Home) -> None:
    with pytest.raises(UnreadableFile, match="known_at"):
        take(home, "2026-12-25,holiday,Christmas", header="date,kind,name")


def test_a_calendar_under_another_format_is_told_its_own(home: Home) -> None:
    path = home.write("calendar.csv", HEADER, "2026-12-25,,holiday,Christmas,2020-01-01")
    with pytest.raises(UnreadableFile) as error:
        home.take(path, "online-retail")
    assert error.value.remedy == "it looks like --format calendar"


def test_the_guides_calendar_is_read_as_it_says(home: Home) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "calendar.md").read_text("utf-8")
    [example] = re.findall(r"```csv\n(.*?)```", guide, re.DOTALL)
    report = take(home, *example.splitlines()[1:], header=example.splitlines()[0])
    assert report.rows_set_aside == 0
    black_fridays = [
        [day.date.day for day in kept.days(None, FIRST, LAST, at) if day.name == "Black Friday"]
        for kept in [Calendar(home.log.engine)]
        for at in (datetime(2025, 11, 1, tzinfo=UTC), NOW)
    ]
    assert black_fridays == [[28, 29], [28]]
    assert all(f"`{kind}`" in guide for kind in KINDS)
