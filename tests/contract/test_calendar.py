"""What a calendar answers at a moment, on both stores: only what was known by then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retain.calendar import CALENDAR_SCHEMA, EVERYWHERE, KINDS, Calendar, CalendarDay, calendar
from retain.database import connect, writing

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 12, 24)


@dataclass(frozen=True)
class Statement:
    entry: CalendarDay
    known_at: datetime
    withdrawn: bool = False


entries = st.builds(
    CalendarDay,
    date=st.integers(0, 2).map(lambda days: DAY + timedelta(days=days)),
    region=st.sampled_from([EVERYWHERE, "UK", "uk", "FR"]),
    kind=st.sampled_from(KINDS[:2]),
    name=st.sampled_from(["Sale", 'Ärger\'s "day"']),
)
moments = st.integers(0, 6).map(lambda hours: T0 + timedelta(hours=hours))
statements = st.lists(st.builds(Statement, entries, moments, st.booleans()), max_size=25)


@pytest.fixture
def kept(database_url: str) -> Iterator[Calendar]:
    engine = connect(database_url)
    yield Calendar(engine)
    engine.dispose()


def table(said: Sequence[Statement]) -> pa.Table:
    rows = [
        {"date": s.entry.date, "region": s.entry.region, "kind": s.entry.kind,
         "name": s.entry.name, "known_at": s.known_at, "withdrawn": s.withdrawn}
        for s in said
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CALENDAR_SCHEMA)


def expected(
    said: Sequence[Statement], region: str | None, first: date, last: date, known_at: datetime
) -> list[CalendarDay]:
    """The rule, spelled out: of each entry the last word by then, a withdrawal going before."""
    known: dict[CalendarDay, tuple[datetime, bool]] = {}
    for s in said:
        if s.known_at <= known_at:
            word = (s.known_at, s.withdrawn)
            known[s.entry] = max(word, known.get(s.entry, word))
    return sorted(
        entry
        for entry, (_, withdrawn) in known.items()
        if not withdrawn and first <= entry.date <= last and entry.region in {EVERYWHERE, region}
    )


def emptied(kept: Calendar) -> Calendar:
    with writing(kept._engine) as connection:
        connection.execute(calendar.delete())
    return kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    said=statements,
    region=st.sampled_from([None, "UK", "FR", "elsewhere"]),
    known_at=moments,
    span=st.tuples(st.integers(-1, 3), st.integers(0, 3)),
)
def test_an_answer_holds_what_was_known_by_then_and_nothing_else(
    kept: Calendar, said: list[Statement], region: str | None, known_at: datetime, span
) -> None:
    emptied(kept).append(table(said))
    begin = DAY + timedelta(days=span[0])
    end = begin + timedelta(days=span[1])
    assert kept.days(region, begin, end, known_at) == expected(said, region, begin, end, known_at)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(said=statements, later=statements, known_at=moments, random=st.randoms())
def test_neither_what_comes_to_be_known_later_nor_the_order_of_imports_changes_an_answer(
    kept: Calendar, said: list[Statement], later: list[Statement], known_at: datetime, random
) -> None:
    by_then = [s for s in said if s.known_at <= known_at]
    emptied(kept).append(table(by_then))
    before = kept.days("UK", DAY, DAY + timedelta(days=9), known_at)
    after = [s for s in later if s.known_at > known_at] + by_then
    random.shuffle(after)
    emptied(kept)
    for s in after:
        kept.append(table([s]))
    assert kept.days("UK", DAY, DAY + timedelta(days=9), known_at) == before


def test_the_same_statement_is_stored_once(kept: Calendar) -> None:
    said = table([Statement(CalendarDay(DAY, "UK", "holiday", "Eve"), T0)])
    assert [kept.append(said), kept.append(said)] == [1, 0]
    assert kept.append(pa.concat_tables([said, said])) == 0


def test_more_statements_than_a_database_takes_at_once_are_stored(kept: Calendar) -> None:
    said = [Statement(CalendarDay(DAY, "UK", "promotion", f"Sale {n}"), T0) for n in range(1_201)]
    assert kept.append(table(said)) == 1_201
    assert len(kept.days("UK", DAY, DAY, T0)) == 1_201


def test_the_reach_counts_what_stands_and_not_what_was_withdrawn(kept: Calendar) -> None:
    assert kept.reach(T0) is None
    far = CalendarDay(date(2027, 12, 25), "FR", "holiday", "Noël")
    numbers = count()
    said = [
        Statement(CalendarDay(DAY, "UK", "holiday", "Eve"), T0),
        Statement(CalendarDay(DAY, EVERYWHERE, "closure", f"{next(numbers)}"), T0),
        Statement(far, T0),
        Statement(far, T0 + timedelta(hours=1), withdrawn=True),
    ]
    kept.append(table(said))
    reached = kept.reach(T0)
    assert reached is not None
    assert (reached.days, reached.regions, reached.first, reached.last) == (
        2, ("FR", "UK"), DAY, far.date,
    )  # fmt: skip
    now_reached = kept.reach(T0 + timedelta(hours=1))
    assert now_reached is not None
    assert (now_reached.regions, now_reached.last) == (("UK",), DAY)


def test_an_older_home_gets_its_calendar_when_it_is_opened(
    database_url: str, tmp_path: Path
) -> None:
    engine = connect(database_url)
    calendar.drop(engine)
    engine.dispose()
    again = Calendar(connect(database_url))
    assert again.reach(T0) is None
