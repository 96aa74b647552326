"""An import that is killed and started again ends with the log of one that was not."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.event import EVENT_SCHEMA
from tests.import_home import Home

ROWS = 4_000
CHUNK = 500

# a real process that dies by SIGKILL inside the transaction that follows `survived` commits
IMPORT = f"""
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from retain.importers import records, staging
from tests.import_home import Home

path, format_name, home, url, survived = sys.argv[1:]
records.BATCH_ROWS = staging._OUT_ROWS = {CHUNK}
home = Home(Path(home), url)
commits = 0

def die(connection, *_):
    global commits
    commits += 1
    if commits > int(survived):
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(home.log.engine, "commit", die)
home.take(Path(path), format_name)
"""

START = datetime(2026, 1, 1, tzinfo=UTC)


def event_rows(folder: Path) -> Path:
    rows = [
        {
            "event_id": f"e{n % (ROWS - 50)}",
            "type": "page_viewed" if n % 9 else "view_item",
            "customer_id": None if n % 97 == 0 else f"c{n % 40}",
            "ts": START + timedelta(minutes=n),
            "properties": "{}",
        }
        for n in range(ROWS)
    ]
    schema = pa.schema([pa.field(column.name, column.type) for column in EVENT_SCHEMA])
    path = folder / "events.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def invoice_lines(folder: Path) -> Path:
    path = folder / "retail.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n")
        for n in range(ROWS):
            day = START + timedelta(hours=n // 3)
            file.write(f"{n // 2},{n % 70},MUG,1,{day:%Y-%m-%d %H:%M:%S},2.5,{n // 2 % 300},UK\n")
    return path


def run(path: Path, format_name: str, home: Path, url: str, survived: int) -> int:
    command = [sys.executable, "-c", IMPORT, str(path), format_name, str(home), url, str(survived)]
    return subprocess.run(
        command, check=False, capture_output=True, cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    ).returncode  # fmt: skip


def stored(home: Home) -> list[dict[str, Any]]:
    return [{**row, "seq": None} for row in home.events()]


@pytest.mark.parametrize(
    ("write", "format_name"), [(event_rows, "retain"), (invoice_lines, "online-retail")]
)
def test_a_killed_import_started_again_ends_with_the_same_log(
    tmp_path: Path, database_url: str, write: Callable[[Path], Path], format_name: str
) -> None:
    path = write(tmp_path)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    Home(whole).take(path, format_name)
    assert run(path, format_name, killed, database_url, 2) == -signal.SIGKILL
    left = Home(killed, database_url).log.count()
    assert 0 < left < Home(whole).log.count()
    assert not list(killed.rglob("report.json"))
    report = Home(killed, database_url).take(path, format_name)
    assert report.events_already_logged == left
    # PostgreSQL's sequence has a gap where the killed transaction was
    assert stored(Home(killed, database_url)) == stored(Home(whole))
    assert not list(killed.rglob("*.unfinished"))
    assert not list(killed.rglob(".scratch-*"))
    assert [p.name for p in killed.rglob("set_aside.csv")] == [
        p.name for p in whole.rglob("set_aside.csv")
    ]
