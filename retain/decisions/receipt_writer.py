"""Receipts of previews written in their compact form, many side by side."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from msgspec.structs import replace

from retain.clock import iso
from retain.decisions.ranking import Ranker, Ranking
from retain.decisions.receipt import Evidence
from retain.decisions.receipt_columns import MOST_TREATMENTS, cut
from retain.decisions.receipt_form import MOST_ACTIONS, MOST_RULES, shared_text, text
from retain.decisions.receipt_parts import OfAction, Own, Shared
from retain.decisions.state import ContactState
from retain.decisions.worths import Worths

_MICROSECOND = timedelta(microseconds=1)


class Shown(NamedTuple):
    """What of an answer no ranking of other customers tells: items, and when, as texts."""

    items: list[str]
    send_at: str
    expires_at: str


class Written(NamedTuple):
    """A receipt to store.

    Attributes:
        removed_by: the rule of each action that was removed.
    """

    action_id: str
    text: str
    removed_by: Sequence[str]


class Writer:
    """Writes the receipts of one batch of previews."""

    def __init__(self) -> None:
        # the previews of the batch hold what these ids are of: nothing else has them meanwhile
        self._columns: dict[int, list[bytes]] = {}
        self._beginnings: dict[tuple[int, int], _Beginning | None] = {}

    def written(
        self,
        decision_id: str,
        place: tuple[Ranking, int],
        state: ContactState,
        evidence: Evidence,
        shown: Shown,
    ) -> Written | None:
        """What :func:`~retain.decisions.receipt.write_receipt` says of a preview.

        None where it does not go into this form: too many actions, treatments or rules, or
        another policy than the catalogue's.

        Args:
            decision_id: its id, which is also its seed.
            place: the ranking, and the customer's row of it.
            state: contacts made.
            evidence: what it rests on.
            shown: what was answered.
        """
        ranking, row = place
        beginning = self._beginning(ranking.ranker, evidence.models)
        if beginning is None or ranking.beliefs is not ranking.ranker.beliefs:
            return None
        limits, now, at = ranking.limits(row), ranking.now, evidence.features_as_of
        judgement = ranking.of(row)[1].placed(limits, state, now, decision_id)
        codes = beginning.codes(judgement.removed_by)
        if codes is None:
            return None
        own = Own(
            list(map(dict, evidence.experiments)),
            decision_id,
            ranking.customer_ids[row],
            iso(now),
            None if at is None else (now - at) // _MICROSECOND,
            list(evidence.stale_views),
            ranking.context.as_json(),
            *shown,
            limits.standing(state, now),
            judgement.believed,
        )
        columns = self._columns_of(ranking, row)
        content = text(beginning.text(), judgement, codes, columns, own)
        return Written(beginning.ids[judgement.allowed[0]], content, judgement.removed_by)

    def _beginning(self, ranker: Ranker, models: Mapping[str, str]) -> "_Beginning | None":
        key = id(ranker), id(models)
        if key not in self._beginnings:
            self._beginnings[key] = _beginning(ranker, models)
        return self._beginnings[key]

    def _columns_of(self, ranking: Ranking, row: int) -> bytes:
        if ranking.table is None:
            return cut(_table(ranking, row))[0]
        worths = ranking.table[1]
        found = self._columns.get(id(worths))
        if found is None:
            found = self._columns[id(worths)] = cut(worths)
        return found[row]


class _Beginning:
    """What all receipts of one ranker and its models share; it grows by the rules that are met.

    Attributes:
        ids: of the actions.
    """

    def __init__(self, ranker: Ranker, models: Mapping[str, str]) -> None:
        catalogue, fixed = ranker.catalogue, ranker.appraiser.fixed
        self.ids = [action.id for action in catalogue.actions]
        self._shared = Shared(
            [
                OfAction(
                    action.id,
                    action.channel,
                    action.tone,
                    action.content_type,
                    [each.name for each in action.treatments],
                    *fixed[place],
                )
                for place, action in enumerate(catalogue.actions)
            ],
            [],
            dict(models),
            ranker.beliefs.exploration.as_json(),
            catalogue.config.ranking.terms.off,
            ranker.limiter.told,
        )
        self._growing = Lock()
        self._codes: dict[str, int] = {}
        self._text = ""

    def codes(self, rules: Sequence[str]) -> list[int] | None:
        """The numbers of ``rules`` in texts from now on; None where there are too many."""
        try:
            return [self._codes[rule] for rule in rules]
        except KeyError:
            with self._growing:
                met = [rule for rule in dict.fromkeys(rules) if rule not in self._codes]
                if len(self._codes) + len(met) > MOST_RULES:
                    return None
                # first this: whoever finds the new codes makes a text that has them
                self._text = ""
                for rule in met:
                    self._codes[rule] = len(self._codes)
        return [self._codes[rule] for rule in rules]

    def text(self) -> str:
        """The beginning of a text whose rules have their codes."""
        found = self._text
        if not found:
            with self._growing:
                rules = list(self._codes)
                found = self._text = shared_text(replace(self._shared, rules=rules))
        return found


_known: WeakKeyDictionary[Ranker, dict[tuple[tuple[str, str], ...], _Beginning]] = (
    WeakKeyDictionary()
)


def _beginning(ranker: Ranker, models: Mapping[str, str]) -> _Beginning | None:
    actions = ranker.catalogue.actions
    treatments = max(len(action.treatments) for action in actions)
    if len(actions) > MOST_ACTIONS or treatments > MOST_TREATMENTS:
        return None
    of_ranker, of_models = _known.setdefault(ranker, {}), tuple(models.items())
    if of_models not in of_ranker:
        of_ranker[of_models] = _Beginning(ranker, models)
    return of_ranker[of_models]


def _table(ranking: Ranking, row: int) -> Worths:
    """The worths of a customer who was ranked alone, as those of many."""
    worths = ranking.of(row)[1].worths
    every = zip(*map(worths.of, range(len(ranking.catalogue.actions))), strict=True)
    return Worths(*(np.array([of_action]) for of_action in every))
