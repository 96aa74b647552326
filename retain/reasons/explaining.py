"""Why each score is what it is: contributions gathered by meaning, the largest told in words."""

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from retain.champions import Champions
from retain.features.matrix import to_matrix
from retain.manifest import Manifest
from retain.predictors.contributions import Contributions, Floats, Season
from retain.predictors.yearly import Times
from retain.quality.profile import Profile
from retain.reasons.reason import Direction, Head, Reason
from retain.reasons.telling import SEASON, Saying, Teller
from retain.reasons.words import Language, Tells, unit_of, words
from retain.scoring import Scores
from retain.statuses import OK

MOST_PER_HEAD = 5
LEAST_SHARE = 0.02
_LEAST_OF_GROUP = 0.1


class Explainable(Protocol):
    """A predictor that can take its scores apart."""

    @property
    def manifest(self) -> Manifest: ...

    def contributions(self, matrix: Floats) -> Contributions: ...

    def season(self, matrix: Floats, as_of: Times) -> Season: ...


class Explainer:
    """Reasons for the scores of one set of champions.

    ``predictors`` may lack heads; ``typical`` is what is typical for the customers the models
    were trained on, by feature, and may be empty.
    """

    def __init__(
        self, predictors: Mapping[Head, Explainable], typical: Mapping[str, float]
    ) -> None:
        self._predictors = predictors
        self._typical = typical

    @classmethod
    def of(cls, champions: Champions) -> Self:
        """Of the heads that have a champion."""
        predictors: dict[Head, Explainable | None] = {
            "churn": champions.churn,
            "next_purchase": champions.next_purchase,
            "ltv": champions.ltv,
        }
        having = {head: one for head, one in predictors.items() if one is not None}
        return cls(having, typical_of(champions.profile) if champions.profile else {})

    def explain(
        self, scores: Scores, heads: Sequence[str], language: Language
    ) -> list[list[Reason]]:
        """The reasons of each of n customers: by head, the largest first.

        Heads that are not asked for, have no model or withhold their score give none.
        """
        teller = Teller(scores.columns, self._typical, language)
        found: list[list[Reason]] = [[] for _ in scores.customer_ids]
        for head, predictor in self._predictors.items():
            statuses = _statuses(scores, head)
            rows = [row for row, status in enumerate(statuses) if status == OK]
            if head not in heads or not rows:
                continue
            matrix = to_matrix(scores.columns, predictor.manifest.features)[rows]
            values = predictor.contributions(matrix).values
            season = predictor.season(matrix, scores.as_of[rows])
            names = predictor.manifest.feature_names
            for place, row in enumerate(rows):
                parts = dict(zip(names, values[place].tolist(), strict=True))
                parts[SEASON] = float(season.part[place])
                coming = teller.season(head, float(season.worth[place]), season.days)
                found[row] += _reasons(head, row, parts, coming, teller)
        return found


def typical_of(profile: Profile) -> dict[str, float]:
    """What is typical by feature: the mean of a count, the median of everything else.

    Most customers have the same small count, and a median tells them apart from nobody; a mean
    of amounts or days is that of a few large ones.
    """
    return {
        name: one.mean if unit_of(name) in words().units and unit_of(name) != "days" else middle
        for name, one in profile.numbers.items()
        if one.mean is not None and (middle := one.deciles[len(one.deciles) // 2]) is not None
    }


def grouped(parts: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Contributions by group, then by feature, the strongest of a group first.

    The season is a part that no feature has.
    """
    known = words().by_feature
    found: dict[str, dict[str, float]] = {}
    for name, part in sorted(parts.items(), key=lambda one: -abs(one[1])):
        group = SEASON if name == SEASON else known[name].name
        found.setdefault(group, {})[name] = part
    return found


def _reasons(
    head: Head, row: int, parts: Mapping[str, float], coming: Saying, teller: Teller
) -> list[Reason]:
    groups = grouped(parts)
    sums = {name: sum(members.values()) for name, members in groups.items()}
    total = sum(map(abs, sums.values()))
    if total == 0:
        return []
    by_name = {group.name: group for group in words().groups}
    made = []
    for name in sorted(sums, key=lambda one: -abs(sums[one]))[:MOST_PER_HEAD]:
        share = abs(sums[name]) / total
        if share < LEAST_SHARE:
            break
        direction: Direction = "raises" if sums[name] > 0 else "lowers"
        movers = () if name == SEASON else _movers(groups[name], sums[name])
        if name == SEASON:
            said = coming
        else:
            said = teller.tell(row, by_name[name], movers, _side(head, direction))
        made.append(
            Reason(
                head=head,
                code=said.code,
                group=name,
                direction=direction,
                text=said.text,
                value=said.value,
                usual=said.usual,
                compared_with=said.compared_with,
                share=round(share, 3),
                features=movers,
            )
        )
    return made


def _movers(members: Mapping[str, float], total: float) -> tuple[str, ...]:
    """The features that moved the score the group's way, without those that hardly did."""
    least = _LEAST_OF_GROUP * sum(map(abs, members.values()))
    moved = [name for name, part in members.items() if part * total > 0]
    return tuple(name for name in moved if abs(members[name]) >= least) or tuple(moved[:1])


def _side(head: Head, direction: Direction) -> Tells:
    leaving = direction == ("raises" if head == "churn" else "lowers")
    return "leaving" if leaving else "staying"


def _statuses(scores: Scores, head: Head) -> list[str]:
    return {
        "churn": scores.churn_status,
        "next_purchase": scores.purchase_status,
        "ltv": scores.ltv_status,
    }[head]
