"""One customer's ranking: every action with its worth, the limits, and what is chosen."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

from retain.decisions.actions import Action
from retain.decisions.candidate import Candidate
from retain.decisions.caps import ContactState, Limits
from retain.decisions.catalogues import Catalogue
from retain.decisions.exploration import (
    Exploration,
    Option,
    choose,
    probabilities,
    spread_of_uplift,
    spread_without,
)
from retain.decisions.receipt_parts import Believed, Judgement
from retain.decisions.worth import Fixed, ResponseModel, Worth

NOT_WORTH_IT = "not_worth_it"
VALUE_UNKNOWN = "value_unknown"
HOPEFUL = 2.0
"""A policy that learns from what it does gives up what is not worth it by so many spreads."""

Outcomes = tuple[float, float]


class Beliefs(NamedTuple):
    """What a policy knows of the actions beside their worth.

    Attributes:
        exploration: how it chooses.
        outcomes: by action, how many treated and held-out customers' outcomes are known.
        fixed: terms of every action, in the order of the catalogue.
    """

    exploration: Exploration
    outcomes: dict[str, Outcomes]
    fixed: Sequence[Fixed]

    def option(self, action: Action, place: int, worth: Worth) -> Option:
        """The action as the policy sees it."""
        how = self.exploration
        if not how.explores:
            return Option(action.id, worth.expected)
        if action.channel == "none":
            held_out = max((held for _, held in self.outcomes.values()), default=0.0)
            return Option(action.id, worth.expected, 0.0, held_out < how.fewest_outcomes)
        outcomes = self.outcomes.get(action.id, (0.0, 0.0))
        without = max(worth.conversion - worth.uplift, 0.0)
        believed = spread_of_uplift(how, worth.conversion, without, outcomes)
        shared = spread_without(how, without, outcomes[1])
        of_value = self.fixed[place].spread
        return Option(
            action.id,
            worth.expected,
            of_value(worth, believed),
            outcomes[0] < how.fewest_outcomes,
            of_value(worth, shared),
        )


class WorthsOfOne(Protocol):
    """What the actions are worth to one customer."""

    def expected(self, place: int) -> float:
        """The expected value of the action at ``place`` of the catalogue."""

    def of(self, place: int) -> Worth:
        """All its terms."""


class Ranked:
    """The actions of the catalogue for one customer.

    Attributes:
        removed: by place in the catalogue, the rule that removed the action, or None.
        kept: places of the others, the best first; None: it is yet to be found out which are
            worth it.
        order: places, the best first, removed ones last.
        items: product ids that the action at a place speaks of.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        beliefs: Beliefs,
        removed: list[str | None],
        worths: WorthsOfOne,
        *,
        items: Callable[[int], tuple[str, ...]],
        send_at: Callable[..., datetime],
        kept: list[int] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._beliefs = beliefs
        self.items = items
        self._send_at = send_at
        self.worths = worths
        self.removed = removed
        self.kept = self._worth_it() if kept is None else kept

    @property
    def order(self) -> list[int]:
        """Places in the catalogue, the best first; then the removed ones."""
        return [*self.kept, *(at for at, why in enumerate(self.removed) if why is not None)]

    def best(
        self, limits: Limits, state: ContactState | None, now: datetime, seed: str
    ) -> Candidate:
        """What is chosen of the actions that no limit forbids."""
        if not self._beliefs.exploration.explores:
            for place in self.kept:
                if state is None or self._forbidden(place, limits, state, now) is None:
                    return self._candidate(place)
        return self._allowed(self._stopped(limits, state, now), seed).best()

    def candidates(
        self, limits: Limits, state: ContactState | None, now: datetime, seed: str
    ) -> list[Candidate]:
        """Every action: the chosen one, the others by worth, then the removed with the rule.

        Args:
            limits: the customer's.
            state: contacts made, which limits are counted over; None counts none.
            now: the moment.
            seed: decides what is explored; the same seed chooses the same.
        """
        kept, removed = self.judged(limits, state, now, seed)
        return [*kept, *(self._candidate(place, why) for place, why in removed)]

    def judged(
        self, limits: Limits, state: ContactState | None, now: datetime, seed: str
    ) -> tuple[list[Candidate], list[tuple[int, str]]]:
        """As :meth:`candidates`; of the removed ones only their places, and the rule."""
        stopped = self._stopped(limits, state, now)
        allowed = self._allowed(stopped, seed)
        removed = [*stopped.items(), *enumerate(self.removed)]
        return allowed.ranked(), [(place, why) for place, why in removed if why is not None]

    def placed(self, limits: Limits, state: ContactState, now: datetime, seed: str) -> Judgement:
        """As :meth:`judged`, all by their places, and what an exploring policy thought."""
        stopped = self._stopped(limits, state, now)
        removed = [place for place, why in enumerate(self.removed) if why is not None]
        whys = [why for why in self.removed if why is not None]
        if self._beliefs.exploration.explores:
            allowed, believed = self._allowed(stopped, seed).placed()
        else:
            allowed, believed = [place for place in self.kept if place not in stopped], None
        return Judgement(allowed, [*stopped, *removed], [*stopped.values(), *whys], believed)

    def entry(self, place: int, removed_by: str) -> dict[str, Any]:
        """Of a removed action, what :meth:`Candidate.as_receipt` says: most of a receipt."""
        action, worth = self._catalogue.actions[place], self.worths.of(place)
        return {
            "action_id": action.id,
            "treatment": action.treatments[worth.treatment].name,
            "terms": self._beliefs.fixed[place].as_json(worth),
            "removed_by": removed_by,
            "propensity": 0.0,
        }

    def _stopped(self, limits: Limits, state: ContactState | None, now: datetime) -> dict[int, str]:
        """What is worth doing but not allowed now, and why."""
        if state is None:
            return {}
        whys = ((place, self._forbidden(place, limits, state, now)) for place in self.kept)
        return {place: why for place, why in whys if why is not None}

    def _allowed(self, stopped: Mapping[int, str], seed: str) -> "_Allowed":
        places = [place for place in self.kept if place not in stopped]
        options = [self._option(place) for place in places]
        chances = probabilities(self._beliefs.exploration, options)
        return _Allowed(self, places, options, chances, choose(chances, seed))

    def _option(self, place: int) -> Option:
        action = self._catalogue.actions[place]
        return self._beliefs.option(action, place, self.worths.of(place))

    def _worth_it(self) -> list[int]:
        """The places of what is not removed, the best first; what is not worth it is removed."""
        kept = []
        for place, why in enumerate(self.removed):
            if why is None:
                if (why := self._hopeless(place)) is None:
                    kept.append((-self.worths.expected(place), place))
                else:
                    self.removed[place] = why
        kept.sort()
        return [place for _, place in kept]

    def _hopeless(self, place: int) -> str | None:
        """Why the action is not worth doing, whatever is allowed."""
        if self._catalogue.actions[place].channel == "none":
            return None
        expected = self.worths.expected(place)
        if expected != expected:  # noqa: PLR0124 - NaN
            return VALUE_UNKNOWN
        if expected > 0.0:
            return None
        hopeful = self._beliefs.exploration.method == "thompson"
        if hopeful and expected + HOPEFUL * self._option(place).spread > 0.0:
            return None
        return NOT_WORTH_IT

    def _forbidden(
        self, place: int, limits: Limits, state: ContactState, now: datetime
    ) -> str | None:
        return limits.forbid(self._catalogue.actions[place], state, now, self._send_at)

    def candidate(self, place: int, rank: int, option: Option, chance: float) -> Candidate:
        """An action that may be done, as the policy saw it."""
        explores = self._beliefs.exploration.explores
        return self._candidate(place, None, chance, (rank, option) if explores else None)

    def _candidate(
        self,
        place: int,
        removed_by: str | None = None,
        propensity: float | None = None,
        seen_as: tuple[int, Option] | None = None,
    ) -> Candidate:
        action, worth = self._catalogue.actions[place], self.worths.of(place)
        rank, option = seen_as or (None, None)
        if propensity is None:
            propensity = 1.0 if removed_by is None else 0.0
        return Candidate(
            action,
            action.treatments[worth.treatment],
            self._beliefs.fixed[place].terms(worth),
            partial(self.items, place),
            self._send_at,
            removed_by,
            propensity,
            None if option is None else option.spread,
            option is not None and option.is_new,
            self._catalogue.ends.get(action.id),
            rank,
            0.0 if option is None else option.shared,
        )


class _Allowed(NamedTuple):
    """The actions that may be done, the best first, and which of them is chosen."""

    ranked_by: Ranked
    places: list[int]
    options: list[Option]
    chances: list[float]
    chosen: int

    def best(self) -> Candidate:
        return self._candidate(self.chosen)

    def ranked(self) -> list[Candidate]:
        """The chosen one, and the others in order."""
        found = [self._candidate(rank) for rank in range(len(self.places))]
        found.insert(0, found.pop(self.chosen))
        return found

    def placed(self) -> tuple[list[int], list[Believed]]:
        """Places of the chosen one and of the others in order, and what was thought of each."""
        ranks = list(range(len(self.places)))
        ranks.insert(0, ranks.pop(self.chosen))
        seen = [(self.chances[rank], rank, self.options[rank]) for rank in ranks]
        return [self.places[rank] for rank in ranks], [
            Believed(chance, rank, option.spread, option.shared, option.is_new)
            for chance, rank, option in seen
        ]

    def _candidate(self, rank: int) -> Candidate:
        return self.ranked_by.candidate(
            self.places[rank], rank, self.options[rank], self.chances[rank]
        )


def outcomes_of(response: ResponseModel | None) -> dict[str, Outcomes]:
    """By action, how many treated and held-out customers' outcomes the model has learned from."""
    if response is None:
        return {}
    told = response.manifest.parameters.get("outcomes", {})
    return {
        str(action): (float(arms.get("treated", 0)), float(arms.get("held_out", 0)))
        for action, arms in told.items()
    }
