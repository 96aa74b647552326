"""A shop on disk: complete or absent, the same bytes again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retain.event import EVENT_SCHEMA
from retain.simulator import write

FILES = {
    "events.parquet",
    "products.parquet",
    "truth.parquet",
    "campaign_truth.parquet",
    "shop.json",
}


END = datetime(2026, 10, 31, tzinfo=UTC)


class Counter:
    def __init__(self):
        self.calls = []

    def __call__(self, done, total):
        self.calls.append((done, total))


def stop(_done, _total):
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("shop"), 120, 5)


def test_a_shop_is_five_files_and_nothing_else(written):
    assert {path.name for path in written.events.parent.iterdir()} == FILES


def test_events_are_read_back_with_their_schema(written):
    assert pq.read_schema(written.events).equals(EVENT_SCHEMA)
    assert pq.read_metadata(written.events).num_rows == written.event_count


def test_shop_json_says_how_it_was_made(written):
    about = json.loads(written.shop.read_text())
    assert about["customers"] == 120
    assert about["seed"] == 5
    assert about["start"] == "2025-05-01T00:00:00Z"
    assert about["end"] == "2026-10-31T00:00:00Z"
    assert about["events"] == written.event_count


def test_truth_covers_every_customer(written):
    assert pq.read_metadata(written.truth).num_rows == 120


def test_the_same_arguments_write_the_same_bytes(written, tmp_path):
    again = write(tmp_path / "new" / "folder", 120, 5)
    for name in FILES:
        assert (again.shop.parent / name).read_bytes() == (written.shop.parent / name).read_bytes()


def test_progress_counts_customers(tmp_path):
    progress = Counter()
    write(tmp_path, 40, 1, progress)
    assert progress.calls == [(40, 40)]


def test_an_interrupted_run_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, 40, 1, stop)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_keeps_the_shop_that_was_there(tmp_path):
    before = write(tmp_path, 40, 1)
    content = before.events.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, 60, 1, stop)
    assert before.events.read_bytes() == content
    assert json.loads(before.shop.read_text())["customers"] == 40


def test_what_has_not_happened_yet_is_left_out(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", 50, 5, end=END)
    noon = END - timedelta(days=3, hours=12)
    part = write(tmp_path / "part", 50, 5, end=END, until=noon)
    told = pq.read_table(part.events)
    assert told.num_rows == part.event_count < whole.event_count
    assert pc.max(told.column("ts")).as_py() < noon
    usual = pq.read_table(whole.events)
    assert told.equals(usual.filter(pc.less(usual.column("ts"), pa.scalar(noon))))
