"""From columns of what happened to the event table, in time order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retain.event import EVENT_SCHEMA
from retain.simulator.columns import IntArray
from retain.simulator.jsontext import numbered, objects, taken
from retain.simulator.world import World

CHANNELS = ("web", "app", "store", "email", "push", "phone", "chat")
WEB, APP, STORE, EMAIL, PUSH, PHONE, CHAT = range(len(CHANNELS))
DEVICES = ("mobile", "desktop", "tablet")
SOURCES = ("site", "mobile_app", "till", "crm", "helpdesk", "campaigns", "billing")
SITE, MOBILE_APP, TILL, CRM, HELPDESK, CAMPAIGNS, BILLING = range(len(SOURCES))
NONE = -1


@dataclass(frozen=True, slots=True)
class Happened:
    """Events of one type. Codes index the tuples above; :data:`NONE` is null.

    ``customer``, ``visitor`` and ``session`` are numbers within the block.
    """

    type: str
    ts: IntArray
    customer: IntArray
    properties: pa.Array
    source: IntArray
    channel: IntArray
    device: IntArray
    session: IntArray
    visitor: IntArray

    def __len__(self) -> int:
        return len(self.ts)


def happened(
    event_type: str,
    ts: IntArray,
    customer: IntArray,
    properties: pa.Array | None = None,
    *,
    source: IntArray | int,
    channel: IntArray | int = NONE,
    device: IntArray | int = NONE,
    session: IntArray | int = NONE,
    visitor: IntArray | int = NONE,
) -> Happened:
    """Events of one type; a single code counts for all of them."""

    def column(codes: IntArray | int) -> IntArray:
        return np.broadcast_to(np.asarray(codes, dtype=np.int64), ts.shape)

    return Happened(
        type=event_type,
        ts=ts,
        customer=customer,
        properties=objects(len(ts)) if properties is None else properties,
        source=column(source),
        channel=column(channel),
        device=column(device),
        session=column(session),
        visitor=column(visitor),
    )


def to_table(world: World, parts: Sequence[Happened]) -> pa.Table:
    """One table of :data:`EVENT_SCHEMA`, by time; what falls outside the window is left out."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return EVENT_SCHEMA.empty_table()
    plan, block = world.plan, world.block
    types = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    ts = np.concatenate([part.ts for part in parts])
    inside = np.flatnonzero((ts >= plan.start) & (ts < plan.end))
    rows = inside[np.argsort(ts[inside], kind="stable")]

    def column(name: str) -> IntArray:
        return np.concatenate([getattr(part, name) for part in parts])[rows]

    times = pa.array(ts[rows], pa.timestamp("us", "UTC"))
    properties = pa.chunked_array([part.properties for part in parts]).combine_chunks()
    return pa.Table.from_arrays(
        [
            numbered(f"{plan.run_id}-{block.number}", np.arange(len(rows))),
            pa.array([part.type for part in parts]).take(pa.array(types[rows])),
            taken(customer_ids(world), column("customer")),
            numbered(f"anon-{plan.run_id}-{block.number}", column("visitor")),
            numbered(f"s-{plan.run_id}-{block.number}", column("session")),
            times,
            pa.nulls(len(rows), pa.timestamp("us", "UTC")),
            times,
            taken(pa.array(CHANNELS), column("channel")),
            taken(pa.array(DEVICES), column("device")),
            taken(pa.array(SOURCES), column("source")),
            properties.take(pa.array(rows)),
        ],
        schema=EVENT_SCHEMA,
    )


def customer_ids(world: World) -> pa.Array:
    """The ids of the block's customers, ``C0000001`` and on through the whole shop."""
    first = world.block.first + 1
    return pa.array([f"C{i:07d}" for i in range(first, first + world.block.customers)])
