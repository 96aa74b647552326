"""The SQL of a mapping, second half: judged rows as candidates for events."""

from collections.abc import Sequence

from retain.importers.mapping import LINE_AMOUNT, Mapping
from retain.importers.wording import quoted
from retain.order import ORDER_TYPES
from retain.vocabulary import vocabulary

_FIRST = ("event_id", "session_id", "channel", "device", "source", "order_id")
_WHO = "type, customer_id, anonymous_id"


def candidates(mapping: Mapping, types: Sequence[str], currency: str | None) -> str:
    """Events of the groups in ``members``; where content repeats, its id is numbered.

    Ids are made of the content, without the ``currency`` that is given besides, so that naming
    it later doubles nothing.
    """
    orders = ", ".join(map(quoted, sorted(ORDER_TYPES)))
    first = [*_FIRST, *(f"p_{name}" for name in mapping.properties)]
    firsts = ", ".join(f"arg_min({name}, row) AS {name}" for name in first)
    lines = f", list({_line(mapping)} ORDER BY row) AS lines" if mapping.lines else ""
    content, stored = (
        " ".join(f"WHEN {quoted(n)} THEN {_properties(mapping, n, code)}" for n in types)
        for code in (None, currency)
    )
    return f"""
        WITH grouped AS (
            SELECT {_WHO}, min(ts) AS ts, min(row) AS row, list(row ORDER BY row) AS rows,
                {firsts}{lines}
            FROM members GROUP BY grp, {_WHO}
        ), told AS (
            SELECT * EXCLUDE (event_id), event_id IS NOT NULL AS is_given,
                CASE WHEN event_id IS NOT NULL THEN event_id
                WHEN type IN ({orders}) AND order_id IS NOT NULL THEN
                    concat_ws(':', '{mapping.name}', type, order_id, customer_id, anonymous_id)
                ELSE concat('{mapping.name}:', md5(concat_ws(chr(31), type,
                    coalesce(customer_id, ''), coalesce(anonymous_id, ''),
                    coalesce(session_id, ''), epoch_us(ts),
                    CAST(CASE type {content} END AS VARCHAR)))) END AS told_id
            FROM grouped
        )
        SELECT CASE WHEN is_given OR repeat = 1 THEN told_id
                ELSE concat(told_id, ':', repeat) END AS event_id,
            {_WHO}, session_id, ts, NULL::TIMESTAMPTZ AS sent_at,
            NULL::TIMESTAMPTZ AS received_at, channel, device,
            coalesce(source, '{mapping.name}') AS source,
            CAST(CASE type {stored} END AS VARCHAR) AS properties, rows
        FROM (SELECT *, row_number() OVER (PARTITION BY told_id ORDER BY row) AS repeat FROM told)
        ORDER BY ts, row"""


def _line(mapping: Mapping) -> str:
    parts = {name: f"l_{name}" for name in vocabulary().line if name in mapping.lines}
    if "quantity" in parts:
        parts["quantity"] = "abs(l_quantity)"
    if LINE_AMOUNT in mapping.lines and "price" not in parts:
        pieces = "coalesce(nullif(abs(l_quantity), 0), 1)" if "quantity" in parts else "1"
        parts["price"] = f"abs(l_{LINE_AMOUNT}) / {pieces}"
    return "{" + ", ".join(f"'{name}': {sql}" for name, sql in parts.items()) + "}"


def _properties(mapping: Mapping, type_name: str, currency: str | None) -> str:
    """The JSON of one type's properties: those mapped that its row of the vocabulary has."""
    names = vocabulary().types[type_name].properties
    parts = {name: f"p_{name}" for name in names if name in mapping.properties}
    if "order_id" in names and mapping.order_id is not None:
        parts["order_id"] = "order_id"
    if "lines" in names and mapping.lines:
        parts["lines"] = "lines"
    if type_name in ORDER_TYPES and currency is not None:
        parts["currency"] = f"coalesce({parts.get('currency', 'NULL')}, {quoted(currency)})"
    if not parts:
        return "'{}'::JSON"
    return "to_json({" + ", ".join(f"'{name}': {sql}" for name, sql in parts.items()) + "})"
