"""Breakers of the operational store: a database that is away costs nobody its timeouts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from retain.breaker import Breaker
from retain.errors import StoreUnavailable
from retain.sockets import Sockets

DATABASE = "database"
READS = "reads"
WRITES = "writes"
_BREAKERS = "retain_breakers"
_SOCKETS = "retain_sockets"
_MESSAGE = "the database did not answer a moment ago"
_REMEDY = "try again; if it persists, check the database"
_MOMENTARY = {"55P03", "57014", "40001", "40P01"}
"""PostgreSQL's codes of what only befell one statement: a lock or a time limit, a deadlock."""


def install(engine: Engine) -> None:
    """Have ``engine`` left alone for a moment after each question it did not answer."""
    writes = Breaker(_MESSAGE, remedy=_REMEDY)
    # who holds SQLite's lock keeps others from writing, and from nothing else
    apart = engine.dialect.name == "sqlite"
    reads = Breaker(_MESSAGE, remedy=_REMEDY) if apart else writes
    engine.update_execution_options(**{_BREAKERS: {READS: reads, WRITES: writes}})
    if not apart:
        sockets = Sockets()
        sockets.watch(engine)
        engine.update_execution_options(**{_SOCKETS: sockets})


def breakers(engine: Engine) -> Mapping[str, Breaker]:
    """The breakers of ``engine`` by what they keep back, where it has any."""
    found: Mapping[str, Breaker] = engine.get_execution_options().get(_BREAKERS, {})
    return found


def seen(engine: Engine, *, answers: bool) -> None:
    """Somebody who looks at the database of ``engine`` saw it answer, or not.

    Where it does not, no question is let through, and those under way fail now, with
    StoreUnavailable: a server that is stopped would leave them waiting until it goes on.
    """
    breaker = breakers(engine).get(READS)
    if breaker is None:
        return
    if answers:
        breaker.release()
        return
    breaker.hold()
    sockets = sockets_of(engine)
    if sockets is not None:
        sockets.shut()


def require_writes(engine: Engine) -> None:
    """Nothing, unless what was written last to the database of ``engine`` was not taken.

    Raises:
        StoreUnavailable: it was not, a moment ago, and nothing has been since.
    """
    breaker = breakers(engine).get(WRITES)
    if breaker is not None and breaker.is_failing:
        raise StoreUnavailable("what was last to be written was not taken", remedy=_REMEDY)


def sockets_of(engine: Engine) -> Sockets | None:
    """The sockets of ``engine``, where questions over them can be ended."""
    found: Sockets | None = engine.get_execution_options().get(_SOCKETS)
    return found


@contextmanager
def guarded(engine: Engine, kind: str) -> Iterator[None]:
    """One question to ``engine``, where its breaker lets it pass.

    Raises:
        StoreUnavailable: it did not, or the database did not answer.
    """
    breaker = breakers(engine).get(kind)
    if breaker is None:
        yield
        return
    try:
        breaker.admit()
    except StoreUnavailable as error:
        error.store = DATABASE
        raise
    try:
        yield
    except StoreUnavailable as error:
        error.store = DATABASE
        if _is_away(error.__cause__):
            breaker.failed()
        else:
            breaker.undecided()
        raise
    except Exception:
        # something is wrong with what a database that is there was asked for
        breaker.answered()
        raise
    breaker.answered()


def _is_away(cause: BaseException | None) -> bool:
    """Whether an error is of a store that is not there for others either."""
    if isinstance(cause, DBAPIError):
        return getattr(cause.orig, "sqlstate", None) not in _MOMENTARY
    return isinstance(cause, NoneFree)
