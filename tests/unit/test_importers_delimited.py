"""Delimited text as people send it: separators, encodings, quotes, and rows that are off."""

import gzip
from pathlib import Path

import pytest

from retain.errors import UnreadableFile
from retain.importers import delimited
from retain.importers.delimited import DelimitedFile, Layout, encoding_of


def rows(path: Path, layout: Layout | None = None) -> list[dict[str, str | None]]:
    file = DelimitedFile(path, layout or Layout())
    return [row for batch in file.batches() for row in batch.to_pylist()]


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_told_from_the_header(tmp_path: Path, separator: str) -> None:
    path = write(tmp_path, f"a{separator}b\n1{separator}2\n")
    assert rows(path) == [{"a": "1", "b": "2", "malformed": None}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_is_told_from_the_bytes(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "café,b\n£5,2\n".encode(encoding))
    assert rows(path) == [{"café": "£5", "b": "2", "malformed": None}]


def test_a_character_cut_by_a_block_is_still_utf8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retain.importers import source

    monkeypatch.setattr(source, "_BLOCK", 3)
    assert encoding_of(write(tmp_path, "ab€€")) == "utf-8-sig"


def test_quotes_hold_separators_and_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n"x, y","two\nlines"\n7" record,2\n')
    assert [(row["a"], row["b"]) for row in rows(path)] == [
        ("x, y", "two\nlines"),
        ('7" record', "2"),
    ]


def test_an_empty_field_is_null_and_a_blank_line_is_nothing(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "a,b\n\n1,\n\n")) == [{"a": "1", "b": None, "malformed": None}]


def test_a_row_of_another_length_says_so(tmp_path: Path) -> None:
    found = rows(write(tmp_path, "a,b\n1\n1,2,3\n1,2,,\n"))
    assert [row["malformed"] for row in found] == [
        "1 fields where the file has 2",
        "3 fields where the file has 2",
        None,
    ]


def test_an_unclosed_quote_is_one_row_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import csv

    before = csv.field_size_limit(50)
    try:
        content = 'a,b\n"unclosed,1\n' + "1,2\n" * 40
        found = rows(write(tmp_path, content))
    finally:
        csv.field_size_limit(before)
    assert found[0]["malformed"]
    assert found[-1] == {"a": "1", "b": "2", "malformed": None}


def test_whitespace_separates_and_columns_are_named_by_their_number(tmp_path: Path) -> None:
    layout = Layout("whitespace", (("a", "b"), ("a", "x", "b")))
    assert rows(write(tmp_path, " 1  2\n 3 4\n"), layout)[1]["b"] == "4"
    assert rows(write(tmp_path, " 1  2 3\n"), layout)[0]["x"] == "2"
    with pytest.raises(UnreadableFile, match="4 fields a line, not 2 or 3"):
        DelimitedFile(write(tmp_path, "1 2 3 4\n"), layout)


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    file = DelimitedFile(write(tmp_path, "a,a,,b\n1,2,3,4\n"), Layout())
    assert file.columns == ("a", "a (2)", "column 3", "b")


def test_a_gzipped_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    assert rows(write(tmp_path, gzip.compress(b"a,b\n1,2\n"))) == rows(
        write(tmp_path, "a,b\n1,2\n")
    )


def test_rows_come_in_batches_and_their_number_is_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BATCH_ROWS", 2)
    file = DelimitedFile(write(tmp_path, "a,b\n1,2\n3,4\n5,6"), Layout())
    assert [batch.num_rows for batch in file.batches()] == [2, 1]
    assert file.total_rows == 3
