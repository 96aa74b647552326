"""Previews of the next best action: decided, nothing reserved, the receipt written behind."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from feature_repo.online_one import Found
from retain.clock import from_micros
from retain.decisions.columns import of_scores, put_scores
from retain.decisions.contacts import Contacts
from retain.decisions.previews import Preview
from retain.decisions.receipt import Evidence
from retain.decisions.state import ContactState
from retain.decisions.store import Decisions
from retain.experiments.assignment import NOBODYS, Assignments
from retain.experiments.variants import Arms
from retain.features.reader import Features
from retain.items.suggestions import Suggested
from retain.one.columns import OneColumns
from retain.one.scoring import OneScores
from retain.scoring import Scores
from services.answers import Json
from services.metrics import NO_ARM, PREVIEW, Metrics
from services.metrics.stores import timed

Rows = Sequence[tuple[Any, ...]]
OneState = Callable[[str, datetime, Rows], ContactState | None]
"""Says of one customer at a moment what :meth:`retain.decisions.contacts.Contacts.of` does, by
rows that were read with their features."""


class Previews:
    """Decides for every row of a table of scores at once, or for one customer."""

    def __init__(
        self,
        *,
        arms: Arms,
        contacts: Contacts,
        contacts_of_one: OneState,
        decisions: Decisions,
        models: dict[str, str],
        metrics: Metrics,
    ) -> None:
        self._arms = arms
        self._states = timed(contacts.read, metrics, "contacts", "read")
        self._state = contacts_of_one
        self._decisions = decisions
        self._models = models
        self._metrics = metrics

    def preview(self, scores: Scores, features: Features) -> list[Json]:
        """One ``next_best_action`` object per row of ``scores``, decided as of its moment.

        Raises:
            StoreUnavailable: the contacts made so far could not be read.
        """
        moments: list[Any] = scores.as_of.astype("M8[us]").astype(object).tolist()
        now = moments[0].replace(tzinfo=UTC)
        columns = of_scores(scores)
        arms = self._arms.of(columns, scores.customer_ids, now)
        rankings = {
            ranker: ranker.rank(
                columns, scores.customer_ids, now=now, suggestions=scores.suggestions
            )
            for ranker in dict.fromkeys(ranker for ranker, _ in arms)
        }
        for ranking in rankings.values():
            ranking.prepare_items()
        states = self._states(scores.customer_ids, now)
        answers = []
        for row, customer_id in enumerate(scores.customer_ids):
            ranker, assigned = arms[row]
            preview = self._decisions.preview(
                rankings[ranker],
                row,
                state=states.get(customer_id),
                evidence=evidence(self._models, features, customer_id, assigned),
            )
            answers.append(self._told(preview, assigned))
        return answers

    def of_one(
        self,
        customer_id: str,
        scores: OneScores,
        now: datetime,
        found: Found,
        suggestions: Suggested | None,
    ) -> Json:
        """As :meth:`preview`, of one customer read with their contacts, without stale views.

        Raises:
            StoreUnavailable: the contacts made so far could not be read.
        """
        known = put_scores(scores)
        columns = OneColumns(known)
        [(ranker, assigned)] = self._arms.of(columns, (customer_id,), now)
        ranking = ranker.rank_one(known, columns, customer_id, now=now, suggestions=suggestions)
        preview = self._decisions.preview(
            ranking,
            state=self._state(customer_id, now, found.contacts),
            evidence=Evidence(
                models=self._models,
                features_as_of=from_micros(found.features_as_of),
                experiments=tuple([one.as_json() for one in assigned]),
            ),
        )
        return self._told(preview, assigned)

    def _told(self, preview: Preview, assigned: Assignments) -> Json:
        """The answer, its receipt on its way."""
        answer = preview.next_best_action()
        self._decisions.record_preview(preview)
        self._metrics.decision(PREVIEW, answer["action_id"], arm_of(assigned))
        return answer


def arm_of(assigned: Assignments) -> str:
    """The first of a customer's arms, as metrics name it: answers name that one too."""
    return f"{assigned[0].experiment}:{assigned[0].arm}" if assigned else NO_ARM


def evidence(
    models: dict[str, str],
    features: Features,
    customer_id: str,
    assigned: Assignments = NOBODYS,
) -> Evidence:
    """What a decision about one customer rests on."""
    return Evidence(
        models=models,
        features_as_of=features.features_as_of.get(customer_id),
        stale_views=tuple(features.stale_views.get(customer_id, ())),
        experiments=tuple(one.as_json() for one in assigned),
    )
