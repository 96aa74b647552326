"""Parquet files as columns of their own types."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from retain.importers.record_files import parquet_batches
from retain.importers.source import open_parquet

BATCH_ROWS = 50_000


class ParquetTable:
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        file = open_parquet(path)
        self.columns: tuple[str, ...] = tuple(file.schema_arrow.names)
        self.total_rows = int(file.metadata.num_rows)

    def batches(self) -> Iterator[pa.Table]:
        """The rows, in the order of the file.

        Raises:
            UnreadableFile: the file is damaged.
        """
        yield from parquet_batches(open_parquet(self._path), self._path, BATCH_ROWS)
