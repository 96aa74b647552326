"""Files as they lie on disk: what kind one is, and how its bytes, lines and batches are read."""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from retain.errors import UnreadableFile

_BLOCK = 1 << 20
_GZIP, _PARQUET, _ZIP, _OLD_EXCEL = b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


class Kind(StrEnum):
    """What a file holds, told by its first bytes and never by its name."""

    PARQUET = "Parquet"
    JSON_LINES = "JSON lines"
    DELIMITED = "CSV"
    EXCEL = "Excel"


def kind_of(path: Path) -> Kind:
    """The kind of the file at ``path``.

    Raises:
        UnreadableFile: it is missing, a folder, empty, or cannot be read.
    """
    if not path.exists():
        raise UnreadableFile(f"{path} does not exist", remedy="check the path")
    if not path.is_file():
        raise UnreadableFile(f"{path} is not a file", remedy="name one of the files in it")
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head == _PARQUET:
            return Kind.PARQUET
        if head in (_ZIP, _OLD_EXCEL):
            return Kind.EXCEL
        with open_bytes(path) as content:
            start = content.read(4_096).lstrip(b"\xef\xbb\xbf \t\r\n")
    except (OSError, EOFError) as error:
        raise UnreadableFile(
            f"{path} cannot be read: {error}", remedy="check its permissions, or fetch it again"
        ) from error
    if not start:
        raise UnreadableFile(f"{path} is empty", remedy="check how the file was exported")
    return Kind.JSON_LINES if start[:1] in b"{[" else Kind.DELIMITED


def open_bytes(path: Path) -> BinaryIO:
    """The file's content, unpacked where it is gzipped."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def blocks(path: Path) -> Iterator[bytes]:
    """The file's unpacked content in blocks.

    Raises:
        UnreadableFile: the file breaks off or is damaged.
    """
    try:
        with open_bytes(path) as content:
            while block := content.read(_BLOCK):
                yield block
    except (OSError, EOFError) as error:
        raise damaged(path, error) from error


def count_lines(path: Path) -> int:
    """How many lines the file has, a last one without an end included."""
    lines, last = 0, b"\n"
    for block in blocks(path):
        lines += block.count(b"\n")
        last = block[-1:]
    return lines + (last != b"\n")


def digest(paths: Sequence[Path]) -> str:
    """sha256 over the files' bytes, one after the other."""
    content = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                content.update(block)
    return content.hexdigest()


def open_parquet(path: Path) -> pq.ParquetFile:
    """The Parquet file at ``path``.

    Raises:
        UnreadableFile: it is damaged.
    """
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> UnreadableFile:
    """The error for a file that breaks off in the middle."""
    return UnreadableFile(
        f"{path} is damaged: {error}", remedy="fetch or export the file again, then import again"
    )
