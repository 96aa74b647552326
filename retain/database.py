"""The operational store: engines, and the metadata every table registers with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from retain.errors import StoreUnavailable

metadata = MetaData()

BUSY_TIMEOUT_MS = 10_000
_FILE = "retain_sqlite_file"


def connect(url: str) -> Engine:
    """An engine for ``url`` with every table of ``metadata`` created.

    SQLite runs in WAL mode, and its writers take the write lock when they begin
    (``BEGIN IMMEDIATE``): a transaction that upgrades from read to write can fail
    with "database is locked" however long the busy timeout is.

    Raises:
        StoreUnavailable: the database cannot be opened.
    """
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    try:
        if engine.dialect.name == "sqlite":
            if engine.url.database:
                Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
            event.listen(engine, "connect", _configure_sqlite)
        with writing(engine) as connection:
            metadata.create_all(connection)
        _remember_file(engine)
    except (StoreUnavailable, OSError) as error:
        raise StoreUnavailable(
            f"the database cannot be opened: {error}",
            remedy="check RETAIN_HOME and RETAIN_DATABASE_URL, and that the disk is writable",
        ) from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any error.

    Raises:
        StoreUnavailable: the database did not answer or stayed locked, or its file is no
            longer the one that was opened.
    """
    _require_file(engine)
    with _translated(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
            # gone meanwhile: a commit would be acknowledged and lost
            _require_file(engine)
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
    _require_file(engine)
    with _translated(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        # the bare DatabaseError is what SQLite says of a file that is damaged or no database
        down = isinstance(error, OperationalError) or type(error) is DatabaseError
        if down or error.connection_invalidated:
            raise StoreUnavailable(
                f"the database did not answer: {error.orig}",
                remedy="try again; if it persists, check the database",
            ) from error
        raise


def _remember_file(engine: Engine) -> None:
    if engine.dialect.name == "sqlite" and engine.url.database:
        path = Path(engine.url.database).absolute()
        if opened := _identity(path):
            engine.update_execution_options(**{_FILE: (path, opened)})


def _require_file(engine: Engine) -> None:
    # pooled connections keep a deleted file's inode open and go on without any error, and a
    # new one would create an empty database in its place
    if opened := engine.get_execution_options().get(_FILE):
        path, identity = opened
        if _identity(path) != identity:
            raise StoreUnavailable(
                f"the database file {path} was deleted or replaced while it was in use",
                remedy="stop what uses it, put the file back from a backup, and start again",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _configure_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # autocommit at the driver: transactions are begun by reading() and writing() alone
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # event ids are spread over the whole index: a large import needs more of it at hand than
    # the stock 2 MB, and fewer checkpoints than one per 4 MB
    cursor.execute("PRAGMA cache_size=-65536")
    cursor.execute("PRAGMA wal_autocheckpoint=8000")
    cursor.close()
