"""A history of any size, as the export writes it: a simulated shop, repeated under new names."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from retain import simulator
from retain.database import connect
from retain.eventlog import LOGGED_SCHEMA, EventLog
from retain.settings import Settings, load

EVENTS_PER_CUSTOMER = 20
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_CUSTOMERS = 5_000
_SHIFT = "INTERVAL 1 SECOND * (copy * 17 % 3600)"


def write_history(home: Path, events: int) -> int:
    """Fill ``home`` with the exported history of ``events`` events; returns its customers.

    The simulated shop is dense, so of each customer only some days are kept, whole, until there
    are :data:`EVENTS_PER_CUSTOMER` on average. It is then repeated: customers, events, sessions,
    orders and messages get ids of their own, times move by up to an hour. The log of ``home``
    holds the last event alone, at its number: enough for an export that has nothing to add.
    """
    copies = max(events // (_CUSTOMERS * EVENTS_PER_CUSTOMER), 1)
    settings = load({}, home=home)
    settings.history.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=home) as folder, duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        shop = simulator.write(Path(folder), _CUSTOMERS)
        _thin_out(database, shop.events, _CUSTOMERS * EVENTS_PER_CUSTOMER)
        first, last = database.sql("SELECT min(ts)::DATE, max(ts)::DATE FROM base").fetchall()[0]
        done = 0
        while first <= last + timedelta(days=1):
            done = _write_day(database, settings.history, str(first), copies, done)
            first += timedelta(days=1)
        (settings.history / "exported.json").write_text(json.dumps({"last_seq": done}), "utf-8")
        _log_the_last(database, settings, done)
    return copies * _CUSTOMERS


def _thin_out(database: duckdb.DuckDBPyConnection, shop: Path, events: int) -> None:
    database.execute(
        f"CREATE TABLE base AS SELECT * FROM '{shop}' "
        "ORDER BY type NOT IN ('profile_updated', 'identity_linked'), "
        "hash(coalesce(customer_id, anonymous_id), ts::DATE), event_id "
        f"LIMIT {events}"
    )
    database.execute("SET VARIABLE seed = (SELECT left(event_id, 8) FROM base LIMIT 1)")


def _write_day(
    database: duckdb.DuckDBPyConnection, history: Path, day: str, copies: int, done: int
) -> int:
    """One day's part; returns how many events there are with it."""
    # every id of a simulated shop has its seed in it
    own = "getvariable('seed'), printf('%08x', copy * 2654435761 % 4294967296)"
    renamed = {
        "seq": f"{done} + row_number() OVER ()",
        "event_id": f"replace(event_id, {own})",
        "customer_id": f"printf('C%07d', copy * {_CUSTOMERS} + customer_id[2:]::BIGINT)",
        "anonymous_id": f"replace(anonymous_id, {own})",
        "session_id": f"replace(session_id, {own})",
        "properties": f"replace(properties, {own})",
        "ts": f"ts + {_SHIFT}",
        "received_at": f"received_at + {_SHIFT}",
    }
    columns = ", ".join(
        f"{renamed[name]} AS {name}" if name in renamed else name for name in LOGGED_SCHEMA.names
    )
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE day AS SELECT {columns} FROM base, range({copies}) c(copy) "
        f"WHERE ts >= DATE '{day}' - INTERVAL 1 HOUR AND ts < DATE '{day}' + INTERVAL 1 DAY "
        f"AND (ts + {_SHIFT})::DATE = DATE '{day}' ORDER BY customer_id, ts"
    )
    count = int(database.sql("SELECT count(*) FROM day").fetchall()[0][0])
    if count:
        folder = history / f"day={day}"
        folder.mkdir()
        name = f"part-{done + 1:012d}-{done + count:012d}.parquet"
        database.execute(f"COPY day TO '{folder / name}' (FORMAT parquet, COMPRESSION zstd)")
        database.execute("CREATE OR REPLACE TEMP TABLE last_day AS FROM day")
    return done + count


def _log_the_last(database: duckdb.DuckDBPyConnection, settings: Settings, seq: int) -> None:
    event = database.sql(f"SELECT * EXCLUDE seq FROM last_day WHERE seq = {seq}").to_arrow_table()
    engine = connect(settings.database_url)
    EventLog(engine).append(event.cast(LOGGED_SCHEMA.remove(0)))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE events SET seq = {seq}")
