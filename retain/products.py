"""The product feed: what is for sale, at what price, and since when that is known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    String,
    Table,
    func,
    insert,
    select,
)

from retain.clock import to_micros
from retain.database import Id, in_parts, metadata, reading, writing

products = Table(
    "products",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("product_id", Id, nullable=False, index=True),
    Column("name", String),
    Column("category", String),
    Column("price", Float),
    Column("margin", Float),
    Column("in_stock", Boolean),
    Column("at", BigInteger, nullable=False),
)

PRODUCT_SCHEMA = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("category", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("margin", pa.float64()),
        pa.field("in_stock", pa.bool_()),
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)
"""One state of a product: ``price`` in the shop's currency, ``margin`` the share of it earned."""

_STATE = ("name", "category", "price", "margin", "in_stock")

_Row = dict[str, Any]


class Products:
    """States of products over time; the latest of a moment counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, table: pa.Table) -> int:
        """Store the states in ``table`` (:data:`PRODUCT_SCHEMA`) that change something.

        A state equal to the one known at its time is not stored again, so that a daily feed
        costs what changed. Returns how many were stored.

        Raises:
            StoreUnavailable: nothing of the current chunk was stored; call again.
        """
        at = table.column("at").cast(pa.int64())
        rows = table.set_column(table.schema.get_field_index("at"), "at", at).to_pylist()
        stored = 0
        for chunk in in_parts(rows):
            with writing(self._engine, alone="products") as connection:
                if fresh := _changing(connection, chunk):
                    connection.execute(insert(products), fresh)
            stored += len(fresh)
        return stored

    def current(self, as_of: datetime) -> pa.Table:
        """Every product in its state at ``as_of`` (:data:`PRODUCT_SCHEMA`), by product id."""
        newest_first = (products.c.at.desc(), products.c.seq.desc())
        place = func.row_number().over(partition_by=products.c.product_id, order_by=newest_first)
        known = select(products, place.label("place")).where(products.c.at <= to_micros(as_of))
        states = known.subquery()
        wanted = [states.c[name] for name in PRODUCT_SCHEMA.names]
        query = select(*wanted).where(states.c.place == 1).order_by(states.c.product_id)
        with reading(self._engine) as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 7
        arrays = [
            pa.array(column, pa.int64()).cast(field.type)
            if field.name == "at"
            else pa.array(column, field.type)
            for field, column in zip(PRODUCT_SCHEMA, columns, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=PRODUCT_SCHEMA)

    def last_seq(self) -> int:
        """The number of the newest state stored, 0 where there is none.

        Raises:
            StoreUnavailable: the database did not answer.
        """
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.max(products.c.seq))) or 0)

    def changes(self) -> list[tuple[int, int, str, float | None, bool | None]]:
        """``at, seq, product_id, price, in_stock`` of every state, in the order they came to hold.

        Raises:
            StoreUnavailable: the database did not answer.
        """
        wanted = ("at", "seq", "product_id", "price", "in_stock")
        query = select(*(products.c[name] for name in wanted))
        with reading(self._engine) as connection:
            found = [tuple(row) for row in connection.execute(query)]
        return sorted(found, key=lambda change: change[:2])


def _changing(connection: Connection, rows: Sequence[_Row]) -> list[_Row]:
    query = select(products).where(products.c.product_id.in_({row["product_id"] for row in rows}))
    states: dict[str, list[tuple[int, int, tuple[Any, ...]]]] = {}
    for known_row in connection.execute(query).mappings():
        state = tuple(known_row[name] for name in _STATE)
        entry = (known_row["at"], known_row["seq"], state)
        states.setdefault(known_row["product_id"], []).append(entry)
    newest = max((entry[1] for entries in states.values() for entry in entries), default=0)
    fresh = []
    for order, row in enumerate(rows, newest + 1):
        known = states.setdefault(row["product_id"], [])
        earlier = [entry for entry in known if entry[0] <= row["at"]]
        before = max(earlier, key=lambda entry: entry[:2], default=None)
        state = tuple(row[name] for name in _STATE)
        if before is None or before[2] != state:
            fresh.append(row)
            known.append((row["at"], order, state))
    return fresh
