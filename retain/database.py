"""The operational store: engines, and the metadata every table registers with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, String, Table, create_engine, event, make_url
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoneFree

from retain import breaking, damage, postgres, schema
from retain.errors import InvalidInput, StoreUnavailable
from retain.turns import Turns
from retain.waits import PATIENT, Waits

metadata = MetaData()

Id = String().with_variant(String(collation="C"), "postgresql")
"""The type of ids: in the same order on both stores, whatever the language of the server."""

IN_A_QUERY = 500
"""How many values one statement carries: a database allows only so many."""

Value = TypeVar("Value")
_FILE = "retain_sqlite_file"
_TURNS = "retain_turns"
_WAITS = "retain_waits"


def connect(url: str, waits: Waits = PATIENT) -> Engine:
    """An engine for ``url`` with every table of ``metadata`` created, or completed.

    It waits as ``waits`` says. With :data:`~retain.waits.SERVING` a database that is away is
    not asked for a moment after each failure (:class:`~retain.breaker.Breaker`).

    SQLite runs in WAL mode, and its writers take the write lock when they begin
    (``BEGIN IMMEDIATE``): a transaction that upgrades from read to write can fail
    with "database is locked" however long the busy timeout is. PostgreSQL is reached by
    psycopg, whether the URL says ``postgresql://`` or ``postgresql+psycopg://``.

    Raises:
        InvalidInput: ``url`` is none, or names a database Retain does not use.
        StoreUnavailable: the database cannot be opened.
    """
    engine = _engine(url, waits)
    engine.update_execution_options(**{_WAITS: waits})
    try:
        if engine.dialect.name == "sqlite":
            if engine.url.database:
                Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
            event.listen(engine, "connect", partial(_configure_sqlite, waits))
        if waits.breaks:
            breaking.install(engine)
        with writing(engine, alone="schema") as connection:
            if engine.dialect.name == "postgresql":
                postgres.take_time(connection, PATIENT)
            schema.complete(connection, metadata)
        _remember_file(engine)
    except (StoreUnavailable, OSError, ProgrammingError) as error:
        said = error.orig if isinstance(error, ProgrammingError) else error
        raise StoreUnavailable(
            f"the database cannot be opened: {said}",
            remedy="check RETAIN_HOME and RETAIN_DATABASE_URL, and that the disk is writable"
            if engine.dialect.name == "sqlite"
            else "check RETAIN_DATABASE_URL, that PostgreSQL runs and lets this user in, "
            "and that the user may create tables",
        ) from error
    return engine


def apart(engine: Engine) -> Engine:
    """An engine for the database of ``engine`` with connections of its own, and no breaker.

    Whoever looks whether the database answers asks over it: neither others that keep every
    connection busy nor a breaker that is open hide how it is. Its questions, too, fail when
    :func:`retain.breaking.seen` says that the database does not answer.
    """
    known = engine.get_execution_options()
    waits: Waits = known[_WAITS]
    own = _engine(engine.url.render_as_string(hide_password=False), waits)
    own.update_execution_options(**{name: known[name] for name in (_WAITS, _FILE) if name in known})
    if engine.dialect.name == "sqlite":
        event.listen(own, "connect", partial(_configure_sqlite, waits))
    if sockets := breaking.sockets_of(engine):
        sockets.watch(own)
    event.listen(engine, "engine_disposed", lambda _: own.dispose())
    return own


def describe(engine: Engine) -> str:
    """Which store this is, for people; never the password."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        return f"SQLite {url.database or 'in memory'}"
    version = ".".join(map(str, engine.dialect.server_version_info or ()))
    place = f"{url.host or 'localhost'}:{url.port or 5432}"
    return f"PostgreSQL {version} at {place}, database {url.database}, user {url.username}"


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT into ``table`` that can say ``on_conflict_do_update`` and ``…_nothing``."""
    is_postgres = connection.dialect.name == "postgresql"
    return (postgresql_insert if is_postgres else sqlite_insert)(table)


@contextmanager
def writing(engine: Engine, *, alone: str = "") -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any error.

    On SQLite one is at work at a time. On PostgreSQL that holds of those that say the same
    ``alone`` (all that say nothing say the same), and others run beside them: name what
    must not change between what a transaction reads and what it writes.

    Raises:
        StoreUnavailable: the database did not answer or stayed locked, or its file is no
            longer the one that was opened.
        InvalidInput: PostgreSQL cannot hold a value.
    """
    require_file(engine)
    with (
        breaking.guarded(engine, breaking.WRITES),
        _turn(engine) as left_ms,
        _translated(engine),
        engine.connect() as connection,
    ):
        if engine.dialect.name == "sqlite":
            with _waits_for(engine, connection, left_ms):
                connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            postgres.wait_for_turn(connection, alone)
        try:
            yield connection
            # gone meanwhile: a commit would be acknowledged and lost
            require_file(engine)
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read.

    Raises:
        StoreUnavailable: the database did not answer, or its file is no longer the one that
            was opened.
    """
    require_file(engine)
    with (
        breaking.guarded(engine, breaking.READS),
        _translated(engine),
        engine.connect() as connection,
    ):
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            postgres.begin_reading(connection)
        yield connection


def in_parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """``values`` in order, as many at a time as a statement carries (:data:`IN_A_QUERY`)."""
    for start in range(0, len(values), IN_A_QUERY):
        yield values[start : start + IN_A_QUERY]


@contextmanager
def _turn(engine: Engine) -> Iterator[int | None]:
    """Wait for the turn to write, where there are any.

    Yields what is left of the time for a lock, in milliseconds; None where it is all of it.
    """
    turns: Turns | None = engine.get_execution_options().get(_TURNS)
    if turns is None:
        yield None
    else:
        with turns.within(_lock_ms(engine)) as left_ms:
            yield left_ms


@contextmanager
def _waits_for(engine: Engine, connection: Connection, lock_ms: int | None) -> Iterator[None]:
    """SQLite waits so long for its lock, and as long as ever afterwards."""
    if lock_ms is not None:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={lock_ms}")
    try:
        yield
    finally:
        if lock_ms is not None:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_lock_ms(engine)}")


def _lock_ms(engine: Engine) -> int:
    waits: Waits = engine.get_execution_options()[_WAITS]
    return waits.lock_ms


def _engine(url: str, waits: Waits) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # without its text: what is malformed may hold a password
        raise InvalidInput(
            "RETAIN_DATABASE_URL is not a URL",
            remedy="write postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////PATH, with "
            "special characters of the password percent-encoded",
            field="RETAIN_DATABASE_URL",
        ) from None
    if postgres.is_postgres(parsed):
        return postgres.open_engine(parsed, waits)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return create_engine(parsed, hide_parameters=True)
    raise InvalidInput(
        f"Retain does not keep its data in {parsed.drivername!r}",
        remedy="give RETAIN_DATABASE_URL a postgresql:// or a sqlite:// URL",
        field="RETAIN_DATABASE_URL",
    )


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except NoneFree as error:
        raise StoreUnavailable(
            "every connection to the database was in use for too long",
            remedy="try again; if it persists, serve with more workers",
        ) from error
    except DBAPIError as error:
        if engine.dialect.name == "postgresql":
            postgres.translate(error)
            raise
        # the bare DatabaseError is what SQLite says of a file that is damaged or no database
        down = isinstance(error, OperationalError) or type(error) is DatabaseError
        if down or error.connection_invalidated:
            raise damage.unavailable(
                "the database",
                error.orig,
                remedy="try again; if it persists, check the database",
                repair="stop what uses it, and put the file back from a backup",
            ) from error
        raise


def _remember_file(engine: Engine) -> None:
    if engine.dialect.name == "sqlite" and engine.url.database:
        path = Path(engine.url.database).absolute()
        if opened := _identity(path):
            engine.update_execution_options(**{_FILE: (path, opened), _TURNS: Turns(path)})


def require_file(engine: Engine) -> None:
    """Nothing, where the database file is the one that was opened.

    Raises:
        StoreUnavailable: it was deleted or replaced.
    """
    # pooled connections go on in a deleted file, and a new one creates an empty one in its place
    if opened := engine.get_execution_options().get(_FILE):
        path, identity = opened
        if _identity(path) != identity:
            gone = StoreUnavailable(
                f"the database file {path} was deleted or replaced while it was in use",
                remedy="stop what uses it, put the file back from a backup, and start again",
            )
            gone.store = breaking.DATABASE
            raise gone


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _configure_sqlite(waits: Waits, dbapi_connection: Any, _record: Any) -> None:
    # autocommit at the driver: transactions are begun by reading() and writing() alone
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={waits.lock_ms}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # event ids lie all over their index: a large import needs more of it and fewer checkpoints
    cursor.execute("PRAGMA cache_size=-65536")
    cursor.execute("PRAGMA wal_autocheckpoint=8000")
    cursor.close()
