"""Ranking: every action for every customer, its worth in terms, and what removed the losers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from math import isnan

from retain.columns import ACTION_RULES, Columns, Over
from retain.decisions import reads
from retain.decisions.candidate import Candidate
from retain.decisions.caps import ContactState, Limiter, Limits
from retain.decisions.catalogues import Catalogue
from retain.decisions.channels import ChannelPreference
from retain.decisions.compiled_ranks import Ranks, ranks_of
from retain.decisions.context import NOWHERE, Context
from retain.decisions.eligibility import Eligibility
from retain.decisions.exploration import Exploration
from retain.decisions.hours import Habits
from retain.decisions.items import Items, Suggested
from retain.decisions.ranked import (
    NOT_WORTH_IT,
    VALUE_UNKNOWN,
    Beliefs,
    Ranked,
    WorthsOfOne,
    outcomes_of,
)
from retain.decisions.send_times import SendTimes
from retain.decisions.worth import Appraiser, Measure, ResponseModel
from retain.decisions.worths import Appraisers, Worths
from retain.decisions.worths_of_one import WorthsOfKept, WorthsOfRow
from retain.items.suggestions import SOURCES
from retain.one.features import One
from retain.rule_rows import Known, Row

__all__ = ["Ranker", "Ranking", "Suggested"]

NO_SEED = ""


class Ranker:
    """Ranks the catalogue's actions.

    Attributes:
        reads: what is asked of a customer beside the read-time numbers, by name.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        response: ResponseModel | None = None,
        *,
        preference: ChannelPreference | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.limiter = Limiter(catalogue)
        self.habits = habits or Habits()
        self.eligibility = Eligibility(catalogue)
        self.appraiser = Appraiser(catalogue, response, preference)
        self.appraisers = Appraisers(self.appraiser)
        self.reads = reads.of(catalogue, None if response is None else response.manifest)
        exploration = catalogue.config.exploration
        self.beliefs = Beliefs(exploration, outcomes_of(response), self.appraiser.fixed)
        # who hopes gives nothing up before it was asked how sure that is
        hopes = exploration.method == "thompson"
        self.ranks = ranks_of(
            self.eligibility,
            self.appraiser,
            gives_up=None if hopes else (VALUE_UNKNOWN, NOT_WORTH_IT),
        )

    def rank(
        self,
        columns: Columns,
        customer_ids: Sequence[str],
        *,
        now: datetime,
        context: Context | None = None,
        suggestions: Suggested | None = None,
        exploration: Exploration | None = None,
    ) -> "Ranking":
        """Rank for n customers as of ``now``, before limits.

        Args:
            columns: n rows of what rules read (see :func:`retain.decisions.columns.of_scores`); a
                column that is not there is missing for everybody.
            customer_ids: the n customers, in the order of the rows.
            now: the moment of the decision, UTC.
            context: of a live request.
            suggestions: what the customers may buy next, in the order of the rows.
            exploration: another policy than the catalogue's.

        Raises:
            InvalidInput: the context's local time is that of no place on Earth.
        """
        rows, moment = len(customer_ids), context or NOWHERE
        known = Over(moment.columns(rows), columns)
        beliefs = self.beliefs
        if exploration is not None:
            beliefs = beliefs._replace(exploration=exploration)
        table = None
        if rows != 1:
            removed = self.eligibility.removed_by(known, rows, moment)
            table = removed.tolist(), self.appraisers.appraise(known, rows)
        return Ranking(
            ranker=self,
            customer_ids=tuple(customer_ids),
            columns=known,
            now=now,
            context=moment,
            zone=moment.zone(now),
            beliefs=beliefs,
            suggestions=suggestions,
            table=table,
        )

    def rank_one(
        self,
        known: One,
        columns: Columns,
        customer_id: str,
        *,
        now: datetime,
        context: Context = NOWHERE,
        suggestions: Suggested | None = None,
    ) -> "Ranking":
        """As :meth:`rank` for one customer, who is known as plain values too.

        What ``context`` says is put into ``known``, which ``columns`` has to be a view of.
        """
        context.put(known)
        return Ranking(
            ranker=self,
            customer_ids=(customer_id,),
            columns=columns,
            now=now,
            context=context,
            zone=context.zone(now),
            beliefs=self.beliefs,
            suggestions=suggestions,
            known=known,
        )


@dataclass(slots=True)  # every preview makes one: to freeze it costs more than a decision's terms
class Ranking:
    """The ranking of n customers; each is ranked when it is first asked about.

    Attributes:
        columns: what is known of them and of the moment.
        zone: where the request says that they are.
        beliefs: how is chosen among what is allowed.
        table: of many customers, what removed each action, and its worth: computed for all of
            them at once. Of a single customer it costs less to ask only what is needed.
        known: of a single customer, what is in ``columns`` as plain values, where it is at hand.
    """

    ranker: Ranker
    customer_ids: tuple[str, ...]
    columns: Columns
    now: datetime
    context: Context
    zone: tzinfo | None
    beliefs: Beliefs
    suggestions: Suggested | None = None
    table: tuple[list[list[str | None]], Worths] | None = None
    known: One | None = None
    _ranked: dict[int, tuple[Known, Ranked]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _limits: dict[int, Limits] = field(default_factory=dict, compare=False, repr=False)

    def as_of(self, now: datetime) -> "Ranking":
        """The same ranking at another moment, which is that of what was known."""
        return Ranking(
            self.ranker,
            self.customer_ids,
            self.columns,
            now,
            self.context,
            self.zone,
            self.beliefs,
            self.suggestions,
            self.table,
            self.known,
        )

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that was ranked."""
        return self.ranker.catalogue

    @property
    def limiter(self) -> Limiter:
        """What limits the catalogue's actions."""
        return self.ranker.limiter

    def limits(self, row: int) -> Limits:
        """The caps that hold for this customer."""
        found = self._limits.get(row)
        if found is None:
            known, ranked = self.of(row)
            own = known["max_contacts_per_week"]
            found = self._limits[row] = self.limiter.of(
                self.customer_ids[row],
                None if isnan(own) else own,
                lambda place: ranked.worths.of(place).redemption_cost,
            )
        return found

    def prepare_items(self) -> None:
        """Compute at once what the best actions of all customers will suggest."""
        if self.suggestions is None or len(self.customer_ids) == 1:
            return
        actions = self.catalogue.actions
        wanting = [not SOURCES.keys().isdisjoint(each.items) for each in actions]
        rows = range(len(self.customer_ids))
        self.suggestions.prepare([row for row in rows if wanting[self.of(row)[1].kept[0]]])

    def prepare(self, row: int, limit: int) -> None:
        """Compute what does not depend on limits, so that nobody waits for it under a lock."""
        _, ranked = self.of(row)
        for place in range(len(self.catalogue.actions)):
            ranked.worths.of(place)
        for place in ranked.kept[:limit]:
            ranked.items(place)

    def best(self, row: int, state: ContactState | None = None, seed: str = NO_SEED) -> Candidate:
        """What is chosen of the actions that no limit forbids."""
        return self.of(row)[1].best(self.limits(row), state, self.now, seed)

    def candidates(
        self, row: int, state: ContactState | None = None, seed: str = NO_SEED
    ) -> list[Candidate]:
        """Every action for this customer: the chosen one, the others by worth, then the removed.

        Args:
            row: which customer.
            state: contacts made, which limits are counted over; None counts none.
            seed: decides what is explored; the same seed chooses the same.
        """
        return self.of(row)[1].candidates(self.limits(row), state, self.now, seed)

    def judged(
        self, row: int, state: ContactState | None, seed: str
    ) -> tuple[list[Candidate], list[tuple[int, str]]]:
        """As :meth:`candidates`; of the removed ones only their places, and the rule."""
        return self.of(row)[1].judged(self.limits(row), state, self.now, seed)

    def of(self, row: int) -> tuple[Known, Ranked]:
        """What is known of one customer, and their ranking."""
        found = self._ranked.get(row)
        if found is None:
            found = self._ranked[row] = self._rank(row)
        return found

    def _rank(self, row: int) -> tuple[Known, Ranked]:
        ranker, appraiser = self.ranker, self.ranker.appraiser
        if self.known is not None and ranker.ranks is not None and self.context is NOWHERE:
            return self.known, self._ranked_by(ranker.ranks, self.known)
        measured: Measure = partial(appraiser.measured, self.columns)
        known: Known
        if self.known is not None:
            known, measured = self.known, partial(appraiser.measured_of, self.known)
        else:
            known = Row(self.columns, ACTION_RULES, row)
        worths: WorthsOfOne
        if self.table is None:
            removed = ranker.eligibility.of_row(known, self.context)
            kept = [place for place, why in enumerate(removed) if why is None]
            worths = WorthsOfRow(appraiser, known, measured, kept)
        else:
            removed, worths = list(self.table[0][row]), self.table[1].of_row(row)
        return known, self._of(known, row, removed, worths)

    def _ranked_by(self, ranks: Ranks, known: One) -> Ranked:
        removed, kept, worths = ranks(known)
        found = WorthsOfKept(self.ranker.appraiser, known, worths)
        hopes = self.beliefs.exploration.method == "thompson"
        return self._of(known, 0, removed, found, None if hopes else kept)

    def _of(
        self,
        known: Known,
        row: int,
        removed: list[str | None],
        worths: WorthsOfOne,
        kept: list[int] | None = None,
    ) -> Ranked:
        catalogue = self.ranker.catalogue
        times = SendTimes(catalogue.config, self.ranker.habits, known, self.now, self.zone)
        items = Items(catalogue, known, row, self.suggestions).of
        send_at = times.send_at
        return Ranked(
            catalogue, self.beliefs, removed, worths, items=items, send_at=send_at, kept=kept
        )
