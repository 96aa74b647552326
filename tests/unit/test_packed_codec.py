"""Packed rows: what goes in comes out, and a row of other features is never read as these."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.packed_codec import NO_TIME, Encoded, encode, raw_time, time_us
from feature_repo.packed_columns import arrays
from feature_repo.packed_rows import PackedRows
from feature_repo.packed_schema import PackedSchema, arrow_type
from feature_repo.packed_view import stored_views
from retain.errors import FingerprintMismatch, InvalidInput

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = {
    "float64": st.floats(allow_nan=False),
    "float32": st.floats(width=32, allow_nan=False),
    "int64": INT64,
    "int32": st.integers(-(2**31), 2**31 - 1),
    "bool": st.booleans(),
    "timestamp": st.integers(-(2**60), 2**60),
    "string": TEXT,
    "bytes": st.binary(max_size=12),
    "proto": st.binary(max_size=12),
    "strings": st.lists(st.none() | TEXT, max_size=4),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[PackedSchema, pa.Table]:
    dtypes = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=12))
    rows = draw(st.integers(0, 5))
    columns = {}
    for number, dtype in enumerate(dtypes):
        values = draw(st.lists(st.none() | VALUES[dtype], min_size=rows, max_size=rows))
        if dtype == "timestamp":
            columns[f"f{number}"] = pa.array(values, pa.int64()).cast(arrow_type(dtype))
        else:
            columns[f"f{number}"] = pa.array(values, arrow_type(dtype))
    columns["key"] = pa.array(range(rows), pa.int64())
    schema = PackedSchema.of((f"f{n}", dtype) for n, dtype in enumerate(dtypes))
    return schema, pa.table(columns)


def times(count: int, at: int = 5) -> np.ndarray:
    return np.full(count, at, dtype=np.int64)


@given(tables())
def test_every_value_of_every_dtype_comes_back(given: tuple[PackedSchema, pa.Table]) -> None:
    schema, table = given
    rows = encode(schema, table, times(table.num_rows)).rows()
    read = pa.table(arrays(PackedRows.of(schema, rows)), schema=schema.arrow)
    read.validate(full=True)
    for name in schema.slots:
        assert read[name].combine_chunks().equals(table[name].combine_chunks())


@given(tables())
def test_a_row_encoded_before_is_the_same_row_again(given: tuple[PackedSchema, pa.Table]) -> None:
    schema, table = given
    rows = encode(schema, table, times(table.num_rows)).rows()
    assert Encoded.of_rows(schema, rows).rows() == rows


@given(tables(), st.integers(0, 3))
def test_a_slice_of_a_table_is_encoded_as_its_rows(
    given: tuple[PackedSchema, pa.Table], start: int
) -> None:
    schema, table = given
    rows = encode(schema, table, times(table.num_rows)).rows()
    part = table.slice(start)
    assert encode(schema, part, times(part.num_rows)).rows() == rows[start:]


@given(st.lists(INT64, min_size=2))
def test_times_are_ordered_as_their_bytes(micros: list[int]) -> None:
    raw = raw_time(np.array(micros, dtype=np.int64))
    assert time_us(raw).tolist() == micros
    as_bytes = raw.astype(">u8").tobytes()
    by_bytes = sorted(range(len(micros)), key=lambda i: as_bytes[8 * i : 8 * i + 8])
    assert [micros[i] for i in by_bytes] == sorted(micros)


def test_event_and_created_times_come_back_to_the_microsecond() -> None:
    schema = PackedSchema.of([("a", "float64")])
    table = pa.table({"a": [1.0, 2.0]})
    event, created = np.array([-1, 1_700_000_000_123_456]), np.array([7, 8])
    rows = PackedRows.of(schema, encode(schema, table, event, created).rows())
    assert rows.event_us[:, 0].tolist() == event.tolist()
    assert rows.values(0, "created")[:, 0].tolist() == created.tolist()


def test_a_row_without_a_created_time_says_so() -> None:
    schema = PackedSchema.of([("a", "float64")])
    rows = encode(schema, pa.table({"a": [1.0]}), times(1)).rows()
    assert PackedRows.of(schema, rows).values(0, "created").tolist() == [[NO_TIME]]


def test_a_null_number_is_nan_in_its_slot_and_told_from_a_stored_nan() -> None:
    schema = PackedSchema.of([("a", "float64")])
    rows = PackedRows.of(
        schema, encode(schema, pa.table({"a": [None, float("nan")]}), times(2)).rows()
    )
    assert np.isnan(rows.values(0, "float64")).all()
    assert rows.nulls[:, 0].tolist() == [True, False]


def test_the_order_fields_are_listed_in_does_not_matter() -> None:
    fields = [("b", "string"), ("a", "float64"), ("c", "float64")]
    assert PackedSchema.of(fields) == PackedSchema.of(reversed(fields))


@pytest.mark.parametrize(
    "other", [[("a", "int64")], [("b", "float64")], [("a", "float64"), ("b", "float64")], []]
)
def test_another_name_dtype_or_number_of_fields_is_another_fingerprint(
    other: list[tuple[str, str]],
) -> None:
    own = PackedSchema.of([("a", "float64")])
    assert PackedSchema.of(other).fingerprint != own.fingerprint


def test_the_fingerprint_does_not_change_between_processes_and_versions() -> None:
    schema = PackedSchema.of([("a", "float64"), ("b", "strings")])
    assert f"{schema.fingerprint:016x}" == "d7d10133c8cea15f"


@pytest.mark.parametrize("written", [[("a", "int64")], [("a", "string")], []])
def test_a_row_of_another_schema_is_an_error(written: list[tuple[str, str]]) -> None:
    other = PackedSchema.of(written)
    table = pa.table({"a": pa.array([1 if written == [("a", "int64")] else "x"])})
    rows = encode(other, table, times(1)).rows()
    with pytest.raises(FingerprintMismatch, match="orders"):
        PackedRows.of(PackedSchema.of([("a", "float64")]), rows, view="orders")


@pytest.mark.parametrize("damage", [lambda row: row[:-1], lambda row: row + b"x"])
def test_a_row_that_is_not_whole_is_an_error(damage: object) -> None:
    schema = PackedSchema.of([("a", "string")])
    row = encode(schema, pa.table({"a": ["text"]}), times(1)).rows()[0]
    with pytest.raises(FingerprintMismatch):
        arrays(PackedRows.of(schema, [damage(row)]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InvalidInput) as error:
        encode(PackedSchema.of([("a", "float64")]), pa.table({"b": [1.0]}), times(1))
    assert error.value.field == "a"


def test_a_column_of_another_type_is_named() -> None:
    with pytest.raises(InvalidInput) as error:
        encode(PackedSchema.of([("a", "float64")]), pa.table({"a": ["x"]}), times(1))
    assert error.value.field == "a"


def test_a_dtype_without_a_layout_is_refused() -> None:
    with pytest.raises(InvalidInput, match="decimal128"):
        PackedSchema.of_arrow(pa.schema([("a", pa.decimal128(10, 2))]))


def test_every_stored_feature_has_a_layout() -> None:
    for view in stored_views():
        assert set(view.columns) == {name for name, _ in view.schema.fields}
        assert f"{view.name}_computed_at" in view.columns


def test_reading_packed_rows_imports_no_feast() -> None:
    modules = "packed_sqlite, packed_reader, packed_writer, packed_view"
    code = (
        f"from feature_repo import {modules}\nimport sys\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('feast', 'redis')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_view_keeps_its_time_to_live_and_null_defaults() -> None:
    orders = next(view for view in stored_views() if view.name == "orders")
    assert orders.ttl_us is None
    assert orders.null_defaults["orders_30d"] == 0
