"""Whether a file can hold events row by row, before anything of it is read."""

import json
from pathlib import Path

from retain.errors import UnreadableFile
from retain.fields import COMMON_SPELLINGS
from retain.importers.delimited import DelimitedFile, Layout
from retain.importers.recognise import another_format
from retain.importers.source import Kind, kind_of, open_bytes, open_parquet

_NEEDED = (
    ("type", COMMON_SPELLINGS["type"]),
    ("customer_id", (*COMMON_SPELLINGS["customer_id"], *COMMON_SPELLINGS["anonymous_id"])),
    ("timestamp", COMMON_SPELLINGS["timestamp"]),
)


def check_records(path: Path, format_name: str) -> None:
    """See that ``path`` holds JSON lines or a Parquet table of events.

    Raises:
        UnreadableFile: it does not; the message says what it looks like.
    """
    match kind_of(path):
        case Kind.PARQUET:
            columns = open_parquet(path).schema_arrow.names
            if any(not set(spellings) & set(columns) for _, spellings in _NEEDED):
                raise another_format(path, format_name, [name for name, _ in _NEEDED], columns)
        case Kind.JSON_LINES:
            _check_lines(path)
        case Kind.DELIMITED:
            columns = list(DelimitedFile(path, Layout()).columns)
            raise another_format(path, format_name, [name for name, _ in _NEEDED], columns)
        case Kind.EXCEL:
            raise UnreadableFile(
                f"{path} is an Excel file, not JSON lines or Parquet",
                remedy="save its sheets as CSV and use --format csv --map mapping.yaml",
            )


def _check_lines(path: Path) -> None:
    with open_bytes(path) as content:
        first = content.readline(1 << 16).lstrip(b"\xef\xbb\xbf").strip()
    if first[:1] == b"[":
        raise UnreadableFile(
            f"{path} is one JSON array, not a line per event",
            remedy="write one object per line, for example with: jq -c '.[]'",
        )
    if first == b"{" or (first[-1:] not in b"}" and _is_open(first)):
        raise UnreadableFile(
            f"{path} is JSON spread over several lines, not a line per event",
            remedy="write one object per line, for example with: jq -c .",
        )


def _is_open(line: bytes) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return error.pos >= len(line.decode(errors="replace")) - 1
    except (ValueError, RecursionError):
        return False
    return False
