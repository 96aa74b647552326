"""Snapshots on disk: whole or not there, whatever happened to the build before."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from feature_repo import offline
from feature_repo.snapshots import SnapshotWriter, snapshot
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.catalogue import FEATURES
from retain.features.engine import VIEWS
from retain.settings import Settings, load
from retain.spill import Spill
from tests.tiny_shop import END, shop

MOMENTS = [END - timedelta(days=30), END]

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from feature_repo import offline, snapshots
from retain.settings import load

write = snapshots.SnapshotWriter.write
def dies(self, moment, table):
    write(self, moment, table)
    os.kill(os.getpid(), signal.SIGKILL)
snapshots.SnapshotWriter.write = dies
offline.build(load({}, home=Path(sys.argv[1])), [datetime.fromisoformat(sys.argv[2])])
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load({}, home=tmp_path)
    EventLog(connect(settings.database_url)).append(shop(60))
    return settings


def files(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.features.rglob("*") if path.is_file())


def test_a_build_killed_halfway_leaves_no_snapshot_and_the_next_one_removes_the_rest(
    settings: Settings,
) -> None:
    command = [sys.executable, "-c", KILLED, str(settings.home), END.isoformat()]
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    left = files(settings)
    assert not [file for file in left if file.suffix == ".parquet"]
    assert [file for file in left if file.suffix == ".partial"]
    assert [folder for folder in (settings.home / "spill").iterdir() if folder.is_dir()]
    built = offline.build(settings, [END])
    assert len(built) == len(VIEWS)
    assert [file for file in files(settings) if file.name != ".lock"] == sorted(built)
    assert not [folder for folder in (settings.home / "spill").iterdir() if folder.is_dir()]


def test_a_build_that_fails_leaves_the_snapshots_there_were(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = offline.build(settings, [MOMENTS[0]])

    def fails(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(SnapshotWriter, "write", fails)
    with pytest.raises(OSError, match="no space"):
        offline.build(settings, MOMENTS)
    assert [file for file in files(settings) if file.name != ".lock"] == sorted(before)


def test_several_moments_are_built_at_once_and_hold_what_the_engine_says(
    settings: Settings,
) -> None:
    told: list[tuple[str, int, int]] = []
    built = offline.build(settings, MOMENTS, lambda *stage: told.append(stage))
    assert len(built) == len(VIEWS) * len(MOMENTS)
    assert told[-1] == ("features", 2, 2)
    for moment in MOMENTS:
        with offline.engine(settings) as engine:
            expected = engine.table(engine.customers(moment))
        parts = [pq.read_table(snapshot(settings, view, moment)) for view in VIEWS]
        for view, part in zip(VIEWS, parts, strict=True):
            for name in (f.stored_name for f in FEATURES if f.relation == view):
                stored, computed = part.column(name), expected.column(name)
                assert stored.combine_chunks().equals(computed.combine_chunks()), name
            assert part.column("customer_id").equals(expected.column("customer_id"))


def test_a_snapshot_that_lost_its_content_is_built_again(settings: Settings) -> None:
    built = offline.build(settings, [END])
    built[0].write_bytes(b"")
    offline.build(settings, [END])
    assert pq.read_table(built[0]).num_rows == pq.read_table(built[1]).num_rows > 0


def test_a_moment_before_every_event_has_an_empty_snapshot(settings: Settings) -> None:
    built = offline.build(settings, [datetime(2000, 1, 1, tzinfo=UTC)])
    assert [pq.read_table(file).num_rows for file in built] == [0] * len(VIEWS)


def test_a_spill_folder_is_gone_after_its_use_and_that_of_a_dead_process_with_the_next(
    tmp_path: Path,
) -> None:
    with Spill(tmp_path) as mine:
        (mine.path / "rows").write_bytes(b"x")
        dead = tmp_path / "spill-dead"
        dead.mkdir()
        with Spill(tmp_path) as other:
            assert mine.path.exists()
            assert mine.path != other.path
        assert not dead.exists()
        assert not other.path.exists()
    assert not mine.path.exists()
