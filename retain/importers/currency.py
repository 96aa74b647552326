"""The currency of orders that name none."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retain.errors import InvalidInput
from retain.order import ORDER_TYPES
from retain.properties import canonical, encode
from retain.vocabulary import vocabulary


def known_currency(code: str | None) -> str | None:
    """``code`` in capitals.

    Raises:
        InvalidInput: it is not an ISO 4217 currency.
    """
    if code is not None and (code := code.strip().upper()) not in vocabulary().currencies:
        raise InvalidInput(
            f"{code!r} is not a currency", remedy="give an ISO 4217 code like GBP", field="currency"
        )
    return code


def with_currency(events: pa.Table, currency: str | None) -> pa.Table:
    """``events`` with ``currency`` in those orders that have none; ids stay what they were."""
    if currency is None or not events.num_rows:
        return events
    types, texts = events.column("type"), events.column("properties")
    orders = pc.is_in(types, pa.array(sorted(ORDER_TYPES)))
    without = pc.and_(orders, pc.invert(pc.match_substring(texts, '"currency":')))
    rows = np.flatnonzero(without.to_numpy(zero_copy_only=False))
    if not rows.size:
        return events
    changed = texts.to_pylist()
    for row in rows:
        names = vocabulary().types[types[int(row)].as_py()].properties
        properties = {**json.loads(changed[row]), "currency": currency}
        changed[row] = encode(canonical(names, properties) or properties)
    index = events.schema.get_field_index("properties")
    return events.set_column(index, events.schema.field(index), pa.array(changed, pa.string()))
