"""Feast's protobuf values as Arrow columns and back: the slow road of Feast's own contract.

With ``packed_store`` the only packed module that knows Feast.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from feast.protos.feast.types.Value_pb2 import StringList, Value
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_schema import arrow_type

_MICROSECONDS = 1_000_000

_DTYPES = {
    Float64: "float64",
    Float32: "float32",
    Int64: "int64",
    Int32: "int32",
    Bool: "bool",
    UnixTimestamp: "timestamp",
    String: "string",
    Bytes: "bytes",
    Array(String): "strings",
}
_FIELDS = {
    "float64": "double_val",
    "float32": "float_val",
    "int64": "int64_val",
    "int32": "int32_val",
    "bool": "bool_val",
    "string": "string_val",
    "bytes": "bytes_val",
}


def dtype_of_feast(feast_type: Any) -> str:
    """Our dtype of a Feast type; what we have no layout for is kept as its protobuf."""
    return _DTYPES.get(feast_type, "proto")


def column_of(dtype: str, values: Sequence[Value | None]) -> pa.Array:
    """Values of one feature as an Arrow array; unset and absent values are null."""
    return pa.array([_plain(dtype, value) for value in values], arrow_type(dtype))


def values_of(dtype: str, column: pa.Array) -> list[Value]:
    """An Arrow array as values; null is unset, as the stock stores give it back."""
    if dtype == "timestamp":
        return [_time(micros) for micros in column.cast(pa.int64()).to_pylist()]
    items = column.to_pylist()
    if dtype == "proto":
        return [Value() if item is None else Value.FromString(item) for item in items]
    if dtype == "strings":
        return [
            Value() if item is None else Value(string_list_val=StringList(val=item))
            for item in items
        ]
    field = _FIELDS[dtype]
    return [Value() if item is None else Value(**{field: item}) for item in items]


def _plain(dtype: str, value: Value | None) -> Any:
    kind = value.WhichOneof("val") if value is not None else None
    if value is None or kind is None:
        return None
    if dtype == "proto":
        return value.SerializeToString()
    if dtype == "strings":
        return list(value.string_list_val.val)
    if dtype == "timestamp":
        seconds = value.unix_timestamp_val
        # which is also how Feast writes a null time
        return None if seconds == NO_TIME else seconds * _MICROSECONDS
    return getattr(value, kind)


def _time(micros: int | None) -> Value:
    return Value(unix_timestamp_val=NO_TIME if micros is None else micros // _MICROSECONDS)
