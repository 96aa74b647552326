"""A simulated shop on disk: events, products and the truth, complete or not at all."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retain.event import EVENT_SCHEMA
from retain.simulator.block import simulate_block
from retain.simulator.catalogue import catalogue
from retain.simulator.plan import Plan, plan
from retain.simulator.truth import CAMPAIGN_TRUTH_SCHEMA, TRUTH_SCHEMA

_TABLES = {
    "events": EVENT_SCHEMA,
    "truth": TRUTH_SCHEMA,
    "campaign_truth": CAMPAIGN_TRUTH_SCHEMA,
}
_COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True)
class WrittenShop:
    """Where a shop lies and how big it is; ``shop`` (JSON) is written last."""

    events: Path
    products: Path
    truth: Path
    campaign_truth: Path
    shop: Path
    customers: int
    event_count: int


def write(
    folder: Path,
    customers: int = 10_000,
    seed: int = 7,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    until: datetime | None = None,
) -> WrittenShop:
    """Simulate a shop into ``folder``; the same arguments write the same bytes.

    Events from ``until`` on are left out: of a last day that is not over yet.

    ``progress(done, total)`` counts customers. Files appear under their names only when
    all of them are complete; a killed run leaves a ``.simulating-*`` folder to delete.

    Raises:
        InvalidInput: the parameters name no shop (see :func:`retain.simulator.plan.plan`).
    """
    shop = plan(customers, seed=seed, start=start, end=end)
    folder.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix=".simulating-", dir=folder))
    try:
        event_count = _write_blocks(workshop, shop, progress, until)
        products = catalogue(shop.seed).to_table()
        pq.write_table(products, workshop / "products.parquet", compression=_COMPRESSION)
        about = {**shop.as_json(), "events": event_count, "products": products.num_rows}
        (workshop / "shop.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
        names = [*(f"{name}.parquet" for name in (*_TABLES, "products")), "shop.json"]
        # shop.json says that the files beside it belong together, so it goes first and comes last
        (folder / "shop.json").unlink(missing_ok=True)
        for name in names:
            (workshop / name).replace(folder / name)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return WrittenShop(
        events=folder / "events.parquet",
        products=folder / "products.parquet",
        truth=folder / "truth.parquet",
        campaign_truth=folder / "campaign_truth.parquet",
        shop=folder / "shop.json",
        customers=customers,
        event_count=event_count,
    )


def _write_blocks(
    workshop: Path,
    shop: Plan,
    progress: Callable[[int, int], None],
    until: datetime | None,
) -> int:
    writers = {
        name: pq.ParquetWriter(workshop / f"{name}.parquet", schema, compression=_COMPRESSION)
        for name, schema in _TABLES.items()
    }
    done = event_count = 0
    try:
        for block in shop.blocks():
            drawn = simulate_block(shop, block)
            tables = {name: getattr(drawn, name) for name in writers}
            if until is not None:
                events = tables["events"]
                tables["events"] = events.filter(pc.less(events.column("ts"), pa.scalar(until)))
            for name, writer in writers.items():
                _write_row_group(writer, tables[name])
            done += drawn.customers
            event_count += tables["events"].num_rows
            progress(done, shop.customers)
    finally:
        for writer in writers.values():
            writer.close()
    return event_count


def _write_row_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    if table.num_rows:
        writer.write_table(table, row_group_size=table.num_rows)
