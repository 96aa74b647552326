"""Circuits: an endpoint that keeps failing is left alone for a while, then tried once.

After Michael Nygard, "Release It!" (2007). Kept in the database, so that a restart does not
start hammering a server that is down.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, select

from retain.clock import Clock, to_micros
from retain.database import reading, upsert, writing
from retain.triggers.backoff import wait_before
from retain.triggers.firings import ALONE
from retain.triggers.tables import circuits

FAILURES = 5
"""So many attempts in a row that failed open it."""
SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Circuits:
    """One per endpoint."""

    engine: Engine
    clock: Clock

    def room(self, endpoint: str, most: int) -> int:
        """How many attempts may be made now: ``most``, one to try, or none."""
        query = select(circuits).where(circuits.c.endpoint == endpoint)
        with reading(self.engine) as connection:
            found = connection.execute(query).first()
        if found is None or (found.failures < FAILURES and not found.open_until):
            return most
        return 1 if found.open_until <= to_micros(self.clock()) else 0

    def succeeded(self, endpoint: str) -> None:
        """It answered: closed again."""
        query = select(circuits.c.failures).where(circuits.c.endpoint == endpoint)
        with reading(self.engine) as connection:
            if not connection.scalar(query):
                return
        self._put(endpoint, 0, 0)

    def failed(self, endpoint: str, *, gone: bool = False) -> bool:
        """It failed; returns whether the circuit is open now. ``gone``: open it for longest."""
        query = select(circuits.c.failures).where(circuits.c.endpoint == endpoint)
        with reading(self.engine) as connection:
            failures = int(connection.scalar(query) or 0) + 1
        failures = max(failures, FAILURES) if gone else failures
        if failures < FAILURES:
            self._put(endpoint, failures, 0)
            return False
        rest = LONGEST if gone else wait_before(failures - FAILURES + 1, SHORTEST, LONGEST)
        self._put(endpoint, failures, to_micros(self.clock() + rest))
        return True

    def _put(self, endpoint: str, failures: int, open_until: int) -> None:
        told = {"failures": failures, "open_until": open_until}
        with writing(self.engine, alone=ALONE) as connection:
            statement = upsert(connection, circuits).values(endpoint=endpoint, **told)
            key = ["endpoint"]
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=told))
