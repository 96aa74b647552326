"""Links between ids, as events say them: one at a time, or a table of them at once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

ANONYMOUS, CUSTOMER = "anonymous", "customer"
LINK, UNLINK, IDENTIFY = "identity_linked", "identity_unlinked", "profile_updated"
LINK_TYPES = (LINK, UNLINK, IDENTIFY)

LINKS_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.int64(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("linked", pa.bool_(), nullable=False),
        pa.field("member_kind", pa.string(), nullable=False),
        pa.field("member_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string()),
    ]
)
"""One row per link or unlink of one member; ``customer_id`` null: unlinked from whomever."""


class Link(NamedTuple):
    """One row of :data:`LINKS_SCHEMA`."""

    ts: int
    event_id: str
    linked: bool
    member_kind: str
    member_id: str
    customer_id: str | None


def links_of(
    ts: int,
    event_id: str,
    event_type: str,
    *,
    customer_id: str | None,
    anonymous_id: str | None,
    properties: str,
) -> list[Link]:
    """The links an event says; :data:`LINKS_SQL` says the same of a table of events."""
    if event_type == IDENTIFY:
        if customer_id is None or anonymous_id is None:
            return []
        return [Link(ts, event_id, True, ANONYMOUS, anonymous_id, customer_id)]
    if event_type not in LINK_TYPES:
        return []
    linked = event_type == LINK
    if linked and customer_id is None:
        return []
    told: Mapping[str, Any] = json.loads(properties)
    named, given = told.get("linked_id") or None, told.get("link_type")
    found = []
    for kind in _kinds(given, linked=linked):
        member_id = named or (anonymous_id if kind == ANONYMOUS else None)
        if member_id is not None and (kind == ANONYMOUS or member_id != customer_id):
            found.append(Link(ts, event_id, linked, kind, member_id, customer_id))
    return found


LINKS_SQL = f"""
    SELECT * FROM (
        SELECT epoch_us(ts) AS ts, event_id, type <> '{UNLINK}' AS linked, member_kind,
            CASE WHEN type = '{IDENTIFY}' THEN anonymous_id ELSE coalesce(
                nullif(properties->>'linked_id', ''),
                CASE WHEN member_kind = '{ANONYMOUS}' THEN anonymous_id END) END AS member_id,
            customer_id
        FROM (
            SELECT *, unnest(CASE
                WHEN type = '{IDENTIFY}' THEN ['{ANONYMOUS}']
                WHEN lower(properties->>'link_type') = '{CUSTOMER}' THEN ['{CUSTOMER}']
                WHEN lower(properties->>'link_type') = 'either'
                    OR (type = '{UNLINK}' AND (properties->>'link_type') IS NULL)
                    THEN ['{ANONYMOUS}', '{CUSTOMER}']
                ELSE ['{ANONYMOUS}'] END) AS member_kind
            FROM {{events}}
            WHERE type IN ('{LINK}', '{UNLINK}') OR (type = '{IDENTIFY}'
                AND customer_id IS NOT NULL AND anonymous_id IS NOT NULL)
        )
    ) WHERE member_id IS NOT NULL AND (customer_id IS NOT NULL OR NOT linked)
        AND (member_kind = '{ANONYMOUS}' OR member_id IS DISTINCT FROM customer_id)
"""


def links_table(links: Iterable[Link]) -> pa.Table:
    """``links`` as a table of :data:`LINKS_SCHEMA`."""
    columns = zip(*links, strict=True)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, LINKS_SCHEMA, strict=False)]
    return (
        pa.Table.from_arrays(arrays, schema=LINKS_SCHEMA) if arrays else LINKS_SCHEMA.empty_table()
    )


def _kinds(given: Any, *, linked: bool) -> Sequence[str]:
    told = given.lower() if isinstance(given, str) else given
    if told == CUSTOMER:
        return (CUSTOMER,)
    if told == "either" or (told is None and not linked):
        return (ANONYMOUS, CUSTOMER)
    return (ANONYMOUS,)
