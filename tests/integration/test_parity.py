"""One definition: whatever happened and however it arrived, online equals offline.

``HYPOTHESIS_PROFILE=thorough`` tries many more histories than a run of the suite does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from feature_repo import offline
from feature_repo.online import OnlineReader, online_rows
from feature_repo.packed_view import stored_views
from feature_repo.packed_writer import materialize_parquet
from retain.clock import from_micros, iso, to_micros
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.features.catalogue import FEATURES
from retain.features.engine import (
    FEATURE_SCHEMA,
    KEYS_SCHEMA,
    VIEWS,
    FeatureEngine,
    valid_until_name,
    view_schema,
)
from retain.features.sheet import Sheet
from retain.settings import Settings, load
from tests.histories import CUSTOMERS, DAY, TICK, History, histories
from tests.redis_server import redis_server, require_redis

EVERYONE = ("nobody", *CUSTOMERS)
TIMES = st.sampled_from(
    [timedelta(0), TICK, timedelta(hours=5), *(d * DAY for d in (1, 7, 30, 90, 200, 365, 366))]
)


def examples(few: int) -> settings:
    """The same few on every run, or as many as the profile says."""
    profile = settings()
    if profile.max_examples > settings.get_profile("retain").max_examples:
        return profile
    # without shrinking a failure is shown at once; the thorough profile makes it small
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    return settings(max_examples=few, derandomize=True, phases=phases)


with_the_registry = offline.open_store


@pytest.fixture(scope="module", autouse=True)
def without_the_registry() -> Iterator[None]:
    """Feast's registry takes seconds to write and holds no value: one test has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offline, "open_store", lambda *_, **__: None)
        yield


def assert_reads_alike(read: Sheet, expected: Sheet) -> None:
    """What is read without a table is, to the last bit, what a table says."""
    assert read.customer_ids == expected.customer_ids
    assert read.as_of.tolist() == expected.as_of.tolist()
    assert list(read.columns) == list(expected.columns)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(read.columns[name], column, err_msg=name)


class Shop:
    """A home with a log and an online store, and a refresher that runs when it is told to."""

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.settings: Settings = load(environment or {}, home=home)
        self.log = EventLog(connect(self.settings.database_url))
        self.reader = OnlineReader(self.settings, self.log)

    def stream(self, table: pa.Table, at: datetime) -> None:
        self.log.append(table, mark_pending=True)
        self.refresh(at)

    def refresh(self, at: datetime) -> None:
        while (batch := self.log.waiting.batch(1_000)).seqs:
            self.reader.write(list(batch.seqs), at, batch.first)
            self.log.waiting.reflected(batch.seqs, partly=batch.first)

    def load(self, at: datetime) -> None:
        """What ``retain features materialize`` does."""
        self.snapshots([at])
        files = {view: [offline.snapshot(self.settings, view.name, at)] for view in stored_views()}
        materialize_parquet(online_rows(self.settings), files)

    def snapshots(self, moments: Iterable[datetime]) -> None:
        offline.build(self.settings, moments)

    def offline(self, moment: datetime) -> pa.Table:
        """The snapshot at ``moment``, as its files hold it."""
        parts = [pq.read_table(offline.snapshot(self.settings, v, moment)) for v in VIEWS]
        ids = parts[0].column("customer_id")
        assert all(part.column("customer_id").equals(ids) for part in parts)
        columns = {
            n: p.column(n) for v, p in zip(VIEWS, parts, strict=True) for n in view_schema(v).names
        }
        return pa.table(
            {"customer_id": ids, "as_of": parts[0].column("event_timestamp"), **columns}
        ).cast(FEATURE_SCHEMA)

    def online(self, moment: datetime) -> pa.Table:
        """What is read of everybody; an id that was merged away has its customer's values."""
        found = self.reader.read(EVERYONE, moment)
        assert found.unknown == [i for i in EVERYONE if i not in found.table.column(0).to_pylist()]
        lines = {line["customer_id"]: line for line in found.table.to_pylist()}
        for merged, survivor in found.merged_into.items():
            assert lines[merged] == lines[survivor] | {"customer_id": merged}
        for some in (found, self.reader.read(CUSTOMERS[:1], moment)):
            assert_reads_alike(some.sheet, Sheet.of(some.table))
        own = [one not in found.merged_into for one in found.table.column(0).to_pylist()]
        return found.table.filter(pa.array(own, pa.bool_()))

    def events(self) -> pa.Table:
        return pa.concat_tables(self.log.after(0))

    def close(self) -> None:
        self.reader.close()
        online_rows(self.settings).clear()
        self.log.engine.dispose()


@contextmanager
def a_shop(environment: Mapping[str, str] | None = None) -> Iterator[Shop]:
    with TemporaryDirectory() as home:
        shop = Shop(Path(home), environment)
        try:
            yield shop
        finally:
            shop.close()


def computed(events: pa.Table, moments: Sequence[datetime]) -> list[pa.Table]:
    """The features of every customer there is by then, at each moment."""
    with FeatureEngine(events) as engine:
        keys = [engine.customers(moment) for moment in moments]
        table = engine.table(pa.concat_tables(keys))
    starts = [sum(k.num_rows for k in keys[:n]) for n in range(len(keys))]
    return [table.slice(start, k.num_rows) for start, k in zip(starts, keys, strict=True)]


def by_customer(table: pa.Table) -> pa.Table:
    return table.sort_by("customer_id").combine_chunks()


def differences(left: pa.Table, right: pa.Table) -> dict[str, Any]:
    """Columns whose values are not the same, bit by bit; a float is never nearly another."""
    left, right = by_customer(left), by_customer(right)
    if left.equals(right):
        return {}
    return {
        name: (left.column(name).to_pylist(), right.column(name).to_pylist())
        for name in FEATURE_SCHEMA.names
        if not left.column(name).equals(right.column(name))
    }


def expiries(table: pa.Table) -> set[datetime]:
    """The moments at which a value of ``table`` may change without an event."""
    names = [valid_until_name(view) for view in VIEWS]
    return {
        from_micros(us) for name in names for us in table.column(name).to_pylist() if us is not None
    }


def linking(event: Event) -> bool:
    """Whether the event may join ids."""
    return event.type.startswith("identity_") or bool(event.customer_id and event.anonymous_id)


def batches(history: History, sizes: Sequence[int]) -> Iterator[tuple[pa.Table, datetime]]:
    """The arrivals cut into batches, and when the last of each was there."""
    start = 0
    for size in (*sizes, len(history.arrivals)):
        part = history.arrivals[start : start + size]
        start += size
        if part:
            yield to_table(a.event for a in part), part[-1].at
    again = [history.arrivals[place].event for place in history.again]
    if again:
        yield to_table(again), history.end


SIZES = st.lists(st.integers(1, 8), max_size=4)


def read_and_compare(
    shop: Shop, history: History, sizes: list[int], later: list[timedelta], data: st.DataObject
) -> None:
    for table, at in batches(history, sizes):
        shop.stream(table, at)
    end = history.end
    edges = sorted(at for at in expiries(shop.online(end)) if at > end)
    if edges:
        edge = data.draw(st.sampled_from(edges))
        later = [*later, *(edge - end + n * TICK for n in (-1, 0, 1))]
    moments = sorted({end, *(end + after for after in later)})
    shop.snapshots(moments)
    for moment in moments:
        assert differences(shop.online(moment), shop.offline(moment)) == {}, moment


@examples(10)
@given(histories(linked=True), SIZES, st.lists(TIMES, min_size=1, max_size=2), st.data())
def test_an_online_read_at_any_moment_after_the_last_write_equals_the_offline_snapshot(
    history: History, sizes: list[int], later: list[timedelta], data: st.DataObject
) -> None:
    with a_shop() as shop:
        read_and_compare(shop, history, sizes, later, data)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as (port, _):
        yield f"redis://127.0.0.1:{port}/0"


@examples(3)
@given(histories(linked=True), SIZES, st.lists(TIMES, min_size=1, max_size=2), st.data())
def test_redis_holds_the_same_rows(
    redis_url: str,
    history: History,
    sizes: list[int],
    later: list[timedelta],
    data: st.DataObject,
) -> None:
    with a_shop({"RETAIN_ONLINE_URL": redis_url}) as shop:
        read_and_compare(shop, history, sizes, later, data)


@settings(examples(2), max_examples=2)
@given(histories(linked=True).filter(lambda history: len(history.events) > 20))
def test_what_the_command_builds_is_what_feast_retrieves_and_what_is_read_online(
    history: History,
) -> None:
    end = history.end
    with a_shop() as shop, pytest.MonkeyPatch.context() as patch:
        patch.setattr(offline, "open_store", with_the_registry)
        shop.stream(history.table(), end)
        words = ["--home", str(shop.settings.home), "features", "build", "--as-of", iso(end)]
        built = CliRunner().invoke(app, words)
        assert built.exit_code == 0, built.output
        online = shop.online(end)
        retrieved = offline.retrieve(shop.settings, online.select(KEYS_SCHEMA.names))
        names = [*KEYS_SCHEMA.names, *(feature.stored_name for feature in FEATURES)]
        assert retrieved.select(names).equals(online.select(names).combine_chunks())


@examples(6)
@given(histories(linked=True), SIZES, st.lists(TIMES, min_size=3, max_size=3))
def test_a_read_between_two_writes_sees_what_had_arrived(
    history: History, sizes: list[int], waits: list[timedelta]
) -> None:
    with a_shop() as shop:
        parts = list(batches(history, sizes))
        for number, (table, at) in enumerate(parts):
            shop.stream(table, at)
            until = parts[number + 1][1] if number + 1 < len(parts) else at + waits[0]
            moments = sorted({at, *(min(at + wait, until) for wait in waits)})
            for moment, expected in zip(moments, computed(shop.events(), moments), strict=True):
                assert differences(shop.online(moment), expected) == {}, (number, moment)


def test_an_event_is_seen_although_the_row_before_it_is_of_a_clock_that_was_ahead() -> None:
    at = datetime(2024, 2, 29, 12, tzinfo=UTC)
    visit = {"type": "page_viewed", "customer_id": "ada"}
    first, second = (
        read_event({**visit, "event_id": name, "timestamp": at - ago}, at)
        for name, ago in (("a", 3 * DAY), ("b", DAY))
    )
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    with a_shop() as shop:
        shop.stream(to_table([first]), at + timedelta(seconds=2))
        shop.stream(to_table([second]), at + timedelta(seconds=1))
        for seconds in (1, 2, 5):
            read = shop.online(at + timedelta(seconds=seconds))
            assert read.column("active_days_30d").to_pylist() == [2.0]


@examples(12)
@given(histories(linked=True), st.data())
def test_a_future_event_never_changes_a_feature(history: History, data: st.DataObject) -> None:
    told = st.sampled_from([event.ts for event in history.events])
    moment = data.draw(told) + data.draw(st.sampled_from([-TICK, timedelta(0), TICK]))
    moments = sorted({moment, data.draw(told), history.anchor})
    known = computed(history.table(), moments)
    for at, table in zip(moments, known, strict=True):
        past = to_table(event for event in history.events if event.ts <= at)
        assert differences(table, computed(past, [at])[0]) == {}, at


@examples(6)
@given(histories(linked=True), SIZES, st.integers(0, 24), st.randoms(use_true_random=False))
def test_import_then_stream_equals_stream_then_import_in_any_order(
    history: History, sizes: list[int], imported: int, random: Any
) -> None:
    end = history.end
    events = history.events
    random.shuffle(events)
    first, rest = to_table(events[:imported]), to_table(events[imported:])
    with a_shop() as one, a_shop() as other:
        one.log.append(first)
        if first.num_rows:
            one.load(end)
        for start in range(0, rest.num_rows, 5):
            one.stream(rest.slice(start, 5), end)
        if rest.num_rows:
            other.stream(rest, end)
        other.log.append(first, mark_pending=True)  # as an import does where rows are online
        other.log.append(rest.slice(0, 3))
        other.refresh(end)
        moments = [end, end + 30 * DAY]
        other.snapshots(moments)
        for moment in moments:
            assert differences(one.online(moment), other.online(moment)) == {}
            assert differences(one.online(moment), other.offline(moment)) == {}


@examples(10)
@given(histories(linked=True))
def test_a_customer_alone_is_the_same_as_among_others(history: History) -> None:
    moment, events = history.end, history.table()
    together = by_customer(computed(events, [moment])[0])
    others = [e for e in history.events if not linking(e) and e.customer_id]
    renamed = [
        replace(e, customer_id=f"x{e.customer_id}", event_id=f"x{e.event_id}") for e in others
    ]
    shuffled = [*renamed, *reversed(history.events)]
    among = by_customer(computed(to_table(shuffled), [moment])[0])
    own = pc.is_in(among.column("customer_id"), value_set=pa.array(CUSTOMERS))
    assert differences(together, among.filter(own)) == {}
    for customer in together.column("customer_id").to_pylist():
        if len(others) == len([e for e in history.events if e.customer_id]):  # nobody is joined
            alone = computed(to_table(e for e in others if e.customer_id == customer), [moment])[0]
            mine = together.filter(pc.equal(together.column("customer_id"), customer))
            assert differences(alone, mine) == {}, customer


@examples(8)
@given(histories(most=30, linked=True, at_once=True), st.randoms(use_true_random=False))
def test_of_events_at_one_moment_nobody_sees_another_order(history: History, random: Any) -> None:
    events = history.events
    random.shuffle(events)
    told, shuffled = (computed(t, [history.end])[0] for t in (history.table(), to_table(events)))
    assert differences(told, shuffled) == {}


@examples(10)
@given(histories(linked=True), st.lists(TIMES, min_size=1, max_size=4), st.data())
def test_a_row_that_still_holds_reads_as_if_it_were_computed_when_read(
    history: History, waits: list[timedelta], data: st.DataObject
) -> None:
    events, at = history.table(), history.end
    stored = by_customer(computed(events, [at])[0])
    edges = sorted(expiries(stored)) or [at + DAY]
    moments = sorted({*(at + wait for wait in waits), data.draw(st.sampled_from(edges)) - TICK})
    for moment, fresh in zip(moments, map(by_customer, computed(events, moments)), strict=True):
        assert fresh.column("customer_id").equals(stored.column("customer_id"))
        for view in VIEWS:
            until = stored.column(valid_until_name(view)).fill_null(2**62)
            holds = pc.less(to_micros(moment), until)
            for name in view_schema(view).names:
                kept, new = stored.column(name).filter(holds), fresh.column(name).filter(holds)
                assert kept.equals(new), (name, moment, kept.to_pylist(), new.to_pylist())
