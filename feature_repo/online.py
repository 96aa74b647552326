"""The online store as the service reads it: packed rows, without importing Feast.

A stored row answers only while it holds: it was computed at or before the moment asked for,
no window edge has passed since (``valid_until``) for longer than
:data:`~feature_repo.held_over.HELD_OVER`, and the log has nothing newer of that customer that has
waited for :data:`FRESH_WITHIN` to be reflected, and none of its views is older than its time to
live. Otherwise the customer's features are computed from the log, by the
same SQL, and the customer is marked pending, so that the refresher writes the row again. Where
the store does not answer, a few customers are computed too.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from feature_repo.held_over import too_old
from feature_repo.online_features import Held, as_stored, joined, kept, last_known
from feature_repo.online_many import many_reader
from feature_repo.packed_ages import Ages
from feature_repo.packed_home import online_rows
from feature_repo.packed_lines import PackedLines
from feature_repo.packed_reader import PackedReader, PackedTable
from feature_repo.packed_sound import in_sound_parts, sound_table
from feature_repo.packed_view import stored_views
from feature_repo.recompute import Aside, Recompute
from feature_repo.row_writer import RowWriter
from retain.clock import Clock, from_micros, now, to_micros
from retain.errors import FingerprintMismatch, StoreUnavailable
from retain.eventlog import EventLog, Freshness
from retain.features.engine import FEATURE_SCHEMA, VIEWS, valid_until_name
from retain.features.lifetimes import lifetimes
from retain.features.reader import Features, LogReader
from retain.identity_links import CUSTOMER
from retain.settings import Settings
from retain.write_behind import WriteBehind

FRESH_WITHIN = timedelta(seconds=30)
"""How long an accepted event may be missing from an answer, where the refresher lags or is gone.

It reflects an event within a second. Where it cannot keep up, reads that computed what it has
not got to would take the processor from it, and it would never catch up.
"""

MOST_COMPUTED = 20
"""Of so many customers features are computed where the online store is away; more would keep
those waiting who ask for one."""

_State = dict[str, Freshness]


class OnlineReader:
    """Reads of the online store, completed from the log where a row does not hold.

    ``clock`` is the real time, also where the moments asked for are of a pinned one; ``aside``
    is what a thread waits for a computation in.
    """

    def __init__(
        self,
        settings: Settings,
        log: EventLog,
        *,
        clock: Clock = now,
        aside: Aside = nullcontext,
    ) -> None:
        self._rows = online_rows(settings)
        self._views = stored_views(lifetimes(settings.feature_ttl_days))
        self._reader = PackedReader(self._rows, self._views)
        self._log = log
        self._clock = clock
        self._computed = LogReader(log)
        self._writer = RowWriter(self._rows, self._views, self._computed)
        self._recompute = Recompute(self._computed, clock=clock, aside=aside)
        self._again = WriteBehind[str](log.mark_again)
        self._recomputes = settings.recompute
        for view in self._views:
            self._rows.add_view(view)
        self._many = many_reader(settings, log)

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """Features of ``customer_ids`` at ``as_of``, aged and current.

        Raises:
            StoreUnavailable: the online store or the log did not answer.
            FingerprintMismatch: a stored row is of other features than these, and nothing is
                computed from the log (``RETAIN_RECOMPUTE`` is never).
        """
        asked = list(dict.fromkeys(customer_ids))
        if not asked:
            return Features(FEATURE_SCHEMA.empty_table(), [], {})
        # before the rows: what is reflected by now is in them
        state = self._log.freshness(asked, as_of)
        if any(one.joined for one in state.values()):
            return self._of_people(customer_ids, state, as_of)
        return self._read(customer_ids, state, as_of)

    def parts(self, customer_ids: Sequence[str], as_of: datetime) -> list[Features]:
        """As :meth:`read` of different customers, in parts: those whose stored rows answer first.

        Where both stores are files, that part is read in one statement, and without a table.
        """
        held = self._held(customer_ids, as_of)
        if held is None:
            return [self.read(customer_ids, as_of)]
        known = held.features_as_of
        rest = [one for one in customer_ids if one not in known]
        return [held, self.read(rest, as_of)] if rest else [held]

    def last_known(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """The stored rows of different customers, without a look at the log.

        Raises:
            StoreUnavailable: the online store did not answer.
        """
        asked = list(customer_ids)
        return last_known(asked, self._sound(asked, as_of), as_of)

    def _held(self, customer_ids: Sequence[str], as_of: datetime) -> Features | None:
        if self._many is None or not customer_ids:
            return None
        present = self._clock()
        late = to_micros(present - FRESH_WITHIN)
        over = too_old(to_micros(as_of), to_micros(present))
        try:
            found = self._many.read(customer_ids, to_micros(as_of), late, over)
        except (StoreUnavailable, FingerprintMismatch):
            # locked, gone or damaged: who may wait and compute reads it
            return None
        if found is None:
            return None
        sheet = found.sheet
        ids = sheet.customer_ids
        moment = to_micros(as_of)
        at = [as_of if one == moment else from_micros(one) for one in found.as_of.tolist()]
        rows = Held(sheet, lambda: self.read(ids, as_of).table)
        return Features(rows, [], dict(zip(ids, at, strict=True)))

    def _of_people(self, customer_ids: Sequence[str], state: _State, as_of: datetime) -> Features:
        """As :meth:`read`: whoever was merged into another customer is answered as that one."""
        people = self._log.people([one for one, told in state.items() if told.joined])
        at = to_micros(as_of)
        merged = people.survivors(state, at)
        survivors = list(dict.fromkeys(merged.get(one, one) for one in state))
        members = {one: people.members(one, at) for one in survivors}
        every = {one for held in members.values() for one in held}
        others = [one.id for one in every if one.kind == CUSTOMER and one.id not in state]
        own = {**state, **self._log.freshness(others, as_of)} if others else state
        visitors = [one.id for one in every if one.kind != CUSTOMER]
        visits = self._log.last_visit_of(visitors, as_of) if visitors else {}
        told = {
            survivor: own[survivor]._replace(
                latest=max(
                    (own[one.id].latest if one.kind == CUSTOMER else visits.get(one.id)) or 0
                    for one in held
                )
                or None
            )
            for survivor, held in members.items()
        }
        return self._read(survivors, told, as_of).under(customer_ids, merged)

    def _read(self, customer_ids: Sequence[str], state: _State, as_of: datetime) -> Features:
        asked = list(dict.fromkeys(customer_ids))
        if not self._recomputes:
            stored = self._reader.read_table(asked, as_of)
            return as_stored(customer_ids, asked, stored, as_of)
        try:
            found = self._sound(asked, as_of)
        except StoreUnavailable:
            if len(asked) > MOST_COMPUTED:
                raise
            last = {one: told.latest or 0 for one, told in state.items()}
            return joined(customer_ids, self._recompute.read(asked, as_of, last))
        holds = self._holding(asked, found, state, as_of)
        behind = np.array([state[one].since is not None for one in asked], dtype=np.bool_)
        behind |= (found.ends <= to_micros(as_of)).any(axis=1)
        held = kept(asked, found, holds, as_of, behind)
        if holds.all() and len(asked) == len(customer_ids):
            return held
        return joined(customer_ids, [held, *self._rest(asked, found.ages, holds, state, as_of)])

    def _sound(self, asked: list[str], as_of: datetime) -> PackedLines | PackedTable:
        """The stored rows, an unusable one being as none at all."""
        try:
            return self._reader.read_lines(asked, as_of)
        except FingerprintMismatch:
            return sound_table(self._reader, asked, as_of)

    def warmed(self, as_of: datetime) -> "OnlineReader":
        """This, once somebody was computed: planning the queries takes longer than a request may.

        Where the log is away, whoever is computed first waits for that.
        """
        with suppress(StoreUnavailable):
            if self._recomputes and (anybody := self._log.customers_after("", 1)):
                self._recompute.read(anybody, as_of, {})
        return self

    def write(
        self, customer_ids: Sequence[str], as_of: datetime, first: Mapping[str, int] | None = None
    ) -> None:
        """As :meth:`RowWriter.write`."""
        self._writer.write(customer_ids, as_of, first or {})

    def ends(self, customer_ids: Sequence[str], as_of: datetime) -> list[float]:
        """When the next window edge passes each one's row, in epoch microseconds.

        Infinite where none does; 0 of a row of other features, and of a damaged one.

        Raises:
            StoreUnavailable: the online store did not answer.
        """
        names = [valid_until_name(view) for view in VIEWS]

        def next_of(ids: Sequence[str]) -> list[float]:
            ends = self._reader.read_matrix(ids, names, as_of).values
            found: list[float] = np.where(np.isnan(ends), np.inf, ends).min(axis=1).tolist()
            return found

        parts = in_sound_parts(customer_ids, next_of, lambda unusable, _: [0.0] * len(unusable))
        return [one for part in parts for one in part]

    def close(self) -> None:
        """Mark who is still to be marked."""
        self._again.close()

    def _rest(
        self,
        asked: list[str],
        ages: Ages,
        holds: NDArray[np.bool_],
        state: _State,
        as_of: datetime,
    ) -> list[Features]:
        """The customers whose rows do not hold, computed; their rows are to be written again."""
        wanted = [asked[row] for row in np.flatnonzero(~holds)]
        last = {one: told.latest or 0 for one, told in state.items()}
        parts = self._recompute.read(wanted, as_of, last)
        # a row of a later moment than the one asked for is not out of date
        later = (ages.event_us > to_micros(as_of)).any(axis=1)
        unknown = {one for part in parts for one in part.unknown}
        for row in np.flatnonzero(~holds & ~later):
            if asked[row] not in unknown:
                self._again.put(asked[row], asked[row])
        return parts

    def _holding(
        self,
        asked: list[str],
        found: PackedLines | PackedTable,
        state: _State,
        as_of: datetime,
    ) -> NDArray[np.bool_]:
        """Whose row answers, (n,)."""
        moment, ages = to_micros(as_of), found.ages
        computed = ages.event_us.min(axis=1)
        holds: NDArray[np.bool_] = np.all(ages.present & (ages.event_us <= moment), axis=1)
        holds &= ~ages.stale.any(axis=1)
        present = self._clock()
        holds &= ~(found.ends <= too_old(moment, to_micros(present))).any(axis=1)
        late = to_micros(present - FRESH_WITHIN)
        for row, one in enumerate(asked):
            since, latest, _ = state[one]
            waits_too_long = since is not None and since <= late
            unnoticed = since is None and latest is not None and latest > computed[row]
            if waits_too_long or unnoticed:
                holds[row] = False
        return holds
