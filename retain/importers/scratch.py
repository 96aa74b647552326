"""The DuckDB of one import: it sorts, groups and remembers on disk, within a memory limit."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from retain.duck import connected
from retain.lifeline import is_running

MEMORY_LIMIT = "320MB"
_PREFIX = ".scratch-"


@contextmanager
def scratch(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in ``folder`` that leaves nothing there."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    prefix = f"{_PREFIX}{os.getpid()}-"
    # a file of its own: its tables are compressed and leave memory without being written first
    with (
        TemporaryDirectory(dir=folder, prefix=prefix) as spill,
        connected(str(Path(spill) / "scratch.duckdb")) as database,
    ):
        database.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        database.execute("SET temp_directory = $folder", {"folder": spill})
        database.execute("SET threads = 2")
        yield database


def _sweep(folder: Path) -> None:
    """Remove what imports left that were killed."""
    for left in folder.glob(f"{_PREFIX}*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not is_running(int(number)):
            shutil.rmtree(left, ignore_errors=True)


class Distinct:
    """A set of texts that may be larger than memory."""

    def __init__(self, database: duckdb.DuckDBPyConnection, name: str) -> None:
        self._database = database
        self._name = name
        database.execute(f"CREATE TABLE {name} (text VARCHAR)")

    def first(self, texts: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of ``texts`` are seen for the first time, here or before; and remember them."""
        given = pa.table({"text": texts, "place": pa.array(np.arange(len(texts)))})
        self._database.register("given", given)
        found = self._database.sql(
            f"SELECT min(place) AS place FROM given WHERE text NOT IN "
            f"(SELECT text FROM {self._name} SEMI JOIN given USING (text)) GROUP BY text"
        ).to_arrow_table()
        mask = np.zeros(len(texts), dtype=np.bool_)
        mask[found.column("place").to_numpy()] = True
        self._database.register("fresh", given.filter(pa.array(mask)).select(["text"]))
        self._database.execute(f"INSERT INTO {self._name} SELECT text FROM fresh")
        self._database.unregister("fresh")
        self._database.unregister("given")
        return mask

    def add(self, texts: pa.ChunkedArray) -> None:
        """Remember ``texts``; nulls are none."""
        self._database.register("given", pa.table({"text": texts.unique().drop_null()}))
        self._database.execute(f"INSERT INTO {self._name} SELECT text FROM given")
        self._database.unregister("given")

    def count(self) -> int:
        """How many different texts were seen."""
        query = f"SELECT count(DISTINCT text) FROM {self._name}"
        found = self._database.execute(query).fetchone()
        return int(found[0]) if found else 0
