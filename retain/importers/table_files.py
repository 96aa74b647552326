"""Table files by their kind."""

from pathlib import Path

from retain.errors import UnreadableFile
from retain.importers.delimited import DelimitedFile, Layout
from retain.importers.parquet_table import ParquetTable
from retain.importers.source import Kind, kind_of
from retain.importers.staging import TableFile


def open_table(path: Path, layout: Layout | None = None) -> TableFile:
    """The table in the file at ``path``.

    Raises:
        UnreadableFile: it is missing, empty, or no table.
    """
    match kind_of(path):
        case Kind.PARQUET:
            return ParquetTable(path)
        case Kind.DELIMITED:
            return DelimitedFile(path, layout or Layout())
        case Kind.EXCEL:
            raise UnreadableFile(
                f"{path} is an Excel file",
                remedy="save its sheets as CSV (in Excel: Save as, CSV UTF-8) and import those",
            )
        case Kind.JSON_LINES:
            raise UnreadableFile(
                f"{path} holds JSON, not a table",
                remedy="use --format retain or segment, or save it as CSV or Parquet",
            )
