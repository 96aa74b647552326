"""Packed rows as Feast reads them: one at a time, each by the schema it was written for."""

from collections.abc import Sequence
from datetime import datetime

from feast.protos.feast.types.Value_pb2 import Value

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_columns import arrays
from feature_repo.packed_rows import PackedRows, damaged
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_values import values_of
from retain.clock import from_micros


def by_schema(
    backend: PackedBackend, schema: PackedSchema, rows: Sequence[bytes | None]
) -> dict[PackedSchema, list[int]]:
    """Places of the rows by the schema they were written for, while it is known.

    A row of fewer or other fields is read as far as it goes; one whose values were computed by
    another definition is no row.

    Raises:
        FingerprintMismatch: what is stored is no row at all.
    """
    known = {schema.fingerprint: schema}
    places: dict[PackedSchema, list[int]] = {}
    for place, row in enumerate(rows):
        if row is None:
            continue
        if not isinstance(row, bytes):
            raise damaged()
        fingerprint = int.from_bytes(row[:8], "little")
        if fingerprint not in known:
            known = {**backend.schemas(), **known}
        written = known.get(fingerprint)
        if written is not None and written.definition == schema.definition:
            places.setdefault(written, []).append(place)
    return places


def decoded(
    schema: PackedSchema, rows: list[bytes], wanted: dict[str, str]
) -> list[tuple[datetime, dict[str, Value]]]:
    """The wanted columns of rows; one the rows were written without is left out."""
    packed = PackedRows.of(schema, rows)
    columns = {
        name: values_of(dtype, array)
        for (name, dtype), array in zip(schema.fields, arrays(packed), strict=True)
        if wanted.get(name) == dtype
    }
    lines = zip(*columns.values(), strict=True) if columns else ((),) * len(rows)
    times = [from_micros(int(event)) for event in packed.event_us[:, 0]]
    return [
        (time, dict(zip(columns, line, strict=True)))
        for time, line in zip(times, lines, strict=True)
    ]
