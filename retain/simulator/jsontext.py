"""JSON objects written column by column: one text per row, no Python object in between.

Fields are Arrow string arrays that hold JSON already (see :func:`quoted`, :func:`money`,
:func:`whole`); a null field is left out of its object.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retain.simulator.columns import FloatArray, IntArray

_ISO = "%Y-%m-%dT%H:%M:%SZ"


def quoted(text: pa.Array) -> pa.Array:
    """Strings in quotes. They must need no escapes, as all of the simulator's do."""
    return _glue('"', text, '"')


def coded(codes: IntArray, words: tuple[str, ...]) -> pa.Array:
    """The quoted word of each code; null where the code is negative."""
    return taken(quoted(pa.array(words, pa.string())), codes)


def taken(values: pa.Array, rows: IntArray) -> pa.Array:
    """``values`` at ``rows``; null where the row is negative."""
    return values.take(pa.array(rows, mask=rows < 0))


def whole(numbers: IntArray) -> pa.Array:
    """Integers."""
    return pa.array(numbers, pa.int64()).cast(pa.string())


def decimal(numbers: FloatArray) -> pa.Array:
    """Numbers with two decimals, negative ones included."""
    hundredths = np.rint(numbers * 100).astype(np.int64)
    signs = pa.array(["", "-"]).take(pa.array((hundredths < 0).astype(np.int64)))
    return _glue(signs, money(np.abs(hundredths)))


def money(pence: IntArray) -> pa.Array:
    """Whole pennies as pounds with two decimals; exact, unlike a division."""
    cents = pa.array([f".{i:02d}" for i in range(100)])
    return _glue(whole(pence // 100), cents.take(pa.array(pence % 100)))


def iso(times: IntArray) -> pa.Array:
    """Microseconds as quoted ISO 8601 UTC times, to the second."""
    seconds = pa.array(times // 1_000_000, pa.int64()).cast(pa.timestamp("s"))
    return quoted(pc.strftime(seconds, format=_ISO))


def numbered(prefix: str, numbers: IntArray) -> pa.Array:
    """Identifiers like ``prefix-12`` (not quoted); null where the number is negative."""
    text = _glue(f"{prefix}-", whole(numbers))
    return pc.if_else(pa.array(numbers >= 0), text, pa.scalar(None, pa.string()))


def objects(rows: int, **members: pa.Array | str) -> pa.Array:
    """One JSON object per row; a plain ``str`` is the same text in every row."""
    if not members:
        return pa.repeat("{}", rows)
    parts = [
        pa.repeat(f'"{name}":"{value}"', rows)
        if isinstance(value, str)
        else _glue(f'"{name}":', value)
        for name, value in members.items()
    ]
    inside = pc.binary_join_element_wise(*parts, ",", null_handling="skip")
    return _glue("{", inside, "}")


def lists(texts: pa.Array, counts: IntArray) -> pa.Array:
    """JSON arrays of consecutive ``texts``: ``counts`` (n,) of them in each."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    nested = pa.ListArray.from_arrays(pa.array(offsets), texts)
    return _glue("[", pc.binary_join(nested, ","), "]")


def _glue(*parts: Any) -> pa.Array:
    glued = pc.binary_join_element_wise(*parts, "")
    return glued.combine_chunks() if isinstance(glued, pa.ChunkedArray) else glued
