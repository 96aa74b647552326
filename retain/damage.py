"""Damage: what SQLite says of a file that no later try will find whole."""

import sqlite3

from retain.errors import StoreDamaged, StoreUnavailable

_OF_A_FILE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""The rest of an extended code says where."""


def unavailable(
    what: str, error: BaseException | None, *, remedy: str, repair: str
) -> StoreUnavailable:
    """The error of a store that SQLite could not read or write.

    Args:
        what: the store, as a sentence names it.
        error: what SQLite said.
        remedy: what to do where it may be over in a moment.
        repair: what to do where its file is damaged.
    """
    if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _OF_A_FILE:
        return StoreDamaged(f"the file of {what} is damaged: {error}", remedy=repair)
    return StoreUnavailable(f"{what} did not answer: {error}", remedy=remedy)
