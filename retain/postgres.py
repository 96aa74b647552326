"""PostgreSQL's side of the operational store: how it is reached, and what its errors mean.

The driver is imported by SQLAlchemy, and only where a URL asks for it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, func, select
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, InternalError, OperationalError

from retain.errors import InvalidInput, StoreUnavailable
from retain.waits import Waits

_POOL_SIZE = 10
_DRIVER = "postgresql+psycopg"


def is_postgres(url: URL) -> bool:
    """Whether ``url`` names a PostgreSQL database, whatever driver it names."""
    return url.get_backend_name() in ("postgresql", "postgres")


def open_engine(url: URL, waits: Waits) -> Engine:
    """An engine on psycopg; nothing is connected yet.

    Raises:
        InvalidInput: the URL names another driver, or psycopg is not installed.
    """
    if url.drivername not in ("postgresql", "postgres", _DRIVER):
        raise InvalidInput(
            f"Retain does not use the driver {url.drivername!r}",
            remedy=f"write RETAIN_DATABASE_URL as {_DRIVER}://USER:PASSWORD@HOST/DATABASE",
            field="RETAIN_DATABASE_URL",
        )
    settings = {
        "lock_timeout": waits.lock_ms,
        "statement_timeout": waits.statement_ms,
        # a writer that stops in the middle holds locks that others wait for
        "idle_in_transaction_session_timeout": waits.statement_ms,
        "timezone": "UTC",
    }
    given: dict[str, Any] = {
        "application_name": "retain",
        "connect_timeout": waits.connect_seconds,
        # a server that is gone without a word is noticed by the system's own probes
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    try:
        return create_engine(
            url.set(drivername=_DRIVER),
            # what the URL says itself comes first
            connect_args={name: value for name, value in given.items() if name not in url.query},
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            # an error that quotes its statement must not quote whom it was about
            hide_parameters=True,
            pool_size=_POOL_SIZE,
            pool_timeout=waits.lock_ms / 1_000,
        )
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "RETAIN_DATABASE_URL names PostgreSQL, and its driver psycopg is not installed",
            remedy="pip install 'retain[postgres]', or leave the URL unset to use SQLite",
            field="RETAIN_DATABASE_URL",
        ) from error


def take_time(connection: Connection, waits: Waits) -> None:
    """Let the statements of this transaction take as long as ``waits`` allows."""
    for name, value in (("lock_timeout", waits.lock_ms), ("statement_timeout", waits.statement_ms)):
        connection.exec_driver_sql(f"SET LOCAL {name} = {value}")


def begin_reading(connection: Connection) -> None:
    """What ``connection`` reads until its transaction ends is of one moment."""
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def wait_for_turn(connection: Connection, writers: str) -> None:
    """Hold back other transactions of these ``writers`` until this one has ended.

    What it committed is visible when the next one goes on.
    """
    connection.execute(select(func.pg_advisory_xact_lock(lock_key(writers))))


def lock_key(name: str) -> Any:
    """The advisory lock called ``name``, of the schema in use: a database may hold several."""
    return func.hashtextextended(func.concat(func.current_schema(), "/retain/", name), 0)


def copy(connection: Connection, table: str, rows: Sequence[Sequence[Any]], columns: str) -> None:
    """Insert ``rows`` by COPY, several times as fast as statements are."""
    driver: Any = connection.dialect.loaded_dbapi
    cursor: Any = connection.connection.cursor()
    statement = f"COPY {table} ({columns}) FROM STDIN"
    try:
        with cursor, cursor.copy(statement) as copying:
            for row in rows:
                copying.write_row(row)
    except driver.Error as error:
        # as SQLAlchemy wraps what goes through it
        raise DBAPIError.instance(statement, None, error, driver.Error) from error


def translate(error: DBAPIError) -> None:
    """Raise the domain's error for one of the driver's that is the store's; else return.

    Raises:
        StoreUnavailable: the server did not answer, gave up, or takes no writes.
        InvalidInput: a value is none that PostgreSQL can hold.
    """
    said = str(error.orig).strip().split("\n", 1)[0]
    # of the internal errors the one that is met is a standby's: it is read-only
    if isinstance(error, OperationalError | InterfaceError | InternalError):
        raise StoreUnavailable(
            f"the database did not answer: {said}",
            remedy="try again; if it persists, check that PostgreSQL runs, is not a standby, "
            "and accepts what RETAIN_DATABASE_URL says",
        ) from error
    if isinstance(error, DataError):
        raise InvalidInput(
            f"the database cannot hold a value: {said}",
            remedy="texts hold no NUL characters; numbers fit in 64 bits",
        ) from error
