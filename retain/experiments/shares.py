"""The shares of bandits: recorded ahead of the moment they hold from, and never changed after.

So any process, at any later time, knows the probability an assignment was made with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isclose
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, String, Table, Text, insert, select

from retain.clock import from_micros, iso, to_micros
from retain.database import metadata, reading, writing
from retain.errors import Conflict, InvalidInput
from retain.experiments.declaration import Experiment

shares = Table(
    "experiment_shares",
    metadata,
    Column("experiment", String, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("made_at", BigInteger, nullable=False),
    Column("shares", Text, nullable=False),
    Column("because", Text, nullable=False),
)

READ_EVERY = timedelta(seconds=60)
LEAD = timedelta(minutes=5)
"""How far ahead a shift is recorded: every process has read it by then, and clocks may differ."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of an experiment's arms, from a moment on.

    Attributes:
        of: share by arm; together 1.
        because: what they were computed from.
    """

    since: datetime
    of: Mapping[str, float]
    because: Mapping[str, Any]


class ShareBook:
    """Reads and records shares; one per process, safe with several."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read_at: datetime | None = None
        self._known: dict[str, list[Shares]] = {}

    def at(self, experiment: str, now: datetime) -> Shares | None:
        """The shares in force at ``now``, None where none were recorded before.

        Raises:
            StoreUnavailable: the store did not answer, and nothing recent is known.
        """
        if self._read_at is None or not timedelta() <= now - self._read_at < READ_EVERY:
            self._known = self._read()
            self._read_at = now
        held = (one for one in reversed(self._known.get(experiment, [])) if one.since <= now)
        return next(held, None)

    def history(self, experiment: str) -> list[Shares]:
        """Every recorded shift, oldest first."""
        return self._read().get(experiment, [])

    def record(
        self,
        experiment: Experiment,
        of: Mapping[str, float],
        *,
        since: datetime,
        now: datetime,
        because: Mapping[str, Any],
    ) -> Shares:
        """Let ``of`` be the shares from ``since`` on.

        Raises:
            InvalidInput: the shares are not those of the arms, or ``since`` is too near.
            Conflict: shares were recorded that begin as late or later.
        """
        _check(experiment, of)
        if since < now + LEAD:
            raise InvalidInput(
                f"shares cannot hold from {iso(since)}: services read them once a minute",
                remedy=f"name a moment at least {LEAD.seconds // 60} minutes ahead",
                field="--from",
            )
        made = Shares(since, dict(of), dict(because))
        with writing(self._engine, alone="experiment shares") as connection:
            last = connection.scalar(
                select(shares.c.since)
                .where(shares.c.experiment == experiment.name)
                .order_by(shares.c.since.desc())
                .limit(1)
            )
            if last is not None and last >= to_micros(since):
                raise Conflict(
                    f"{experiment.name} has shares that hold from {iso(from_micros(last))}",
                    remedy="shift later than that; what was recorded is not changed",
                )
            connection.execute(
                insert(shares).values(
                    experiment=experiment.name,
                    since=to_micros(since),
                    made_at=to_micros(now),
                    shares=json.dumps(made.of),
                    because=json.dumps(made.because, default=str),
                )
            )
        self._read_at = None
        return made

    def _read(self) -> dict[str, list[Shares]]:
        known: dict[str, list[Shares]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(select(shares).order_by(shares.c.since)):
                one = Shares(
                    from_micros(row.since), json.loads(row.shares), json.loads(row.because)
                )
                known.setdefault(row.experiment, []).append(one)
        return known


def _check(experiment: Experiment, of: Mapping[str, float]) -> None:
    if experiment.bandit is None:
        raise InvalidInput(
            f"{experiment.name} is no bandit: its shares are fixed",
            remedy="declare `bandit: {floor: 0.05}` in a new experiment",
            field="NAME",
        )
    names = {cell.name for cell in experiment.cells}
    if set(of) != names or not isclose(sum(of.values()), 1.0, abs_tol=1e-9):
        raise InvalidInput(
            f"the shares of {experiment.name} must be those of {sorted(names)} and 1 together",
            field="NAME",
        )
    if min(of.values()) < experiment.bandit.floor - 1e-9:
        raise InvalidInput(
            f"an arm of {experiment.name} would get less than the floor {experiment.bandit.floor}",
            field="NAME",
        )
