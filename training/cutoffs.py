"""Cutoffs: the moments of the past at which customers are looked at, and their roles."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from retain.errors import NotEnoughData

SPACING_DAYS = 30
LEAST_SPACING_DAYS = 7
MINIMUM_HISTORY_DAYS = 30
MOST_CUTOFFS = 12  # a year of them: every season counts once
FEWEST_CUTOFFS = 3
SHORTEST_LABEL_DAYS = 7
SHORT_HISTORY_CUTOFFS = 5

_BESIDE_LABELS_DAYS = MINIMUM_HISTORY_DAYS + (FEWEST_CUTOFFS - 1) * LEAST_SPACING_DAYS

# (holdout, validation) cutoffs, the most wanted first
_SHAPES = ((3, 3), (3, 2), (2, 2), (1, 2), (1, 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """Every cutoff is in ``every``; the others say which part it plays.

    Attributes:
        fit: models are fitted on these while rounds and shares are chosen.
        validation: rounds and shares are chosen on these.
        refit: the evaluated model is fitted on these; their labels end by the first holdout.
        holdout: judged on these, once.
        statement: the same in words, for the manifest.
        label_days: how far labels look ahead: the horizon, or as much of it as the history has.
    """

    fit: tuple[datetime, ...]
    validation: tuple[datetime, ...]
    refit: tuple[datetime, ...]
    holdout: tuple[datetime, ...]
    every: tuple[datetime, ...]
    statement: str
    label_days: int

    @property
    def apart(self) -> bool:
        """Whether no label window that is fitted on reaches into one that choices are made on."""
        return self.fit[-1] + timedelta(days=self.label_days) <= self.validation[0]


def plan(first_event_at: datetime, as_of: datetime, horizon_days: int) -> Plan:
    """One cutoff every 30 days over at most a year, as far as the history allows, split by time.

    A short horizon has them closer together, and so has a history that would hold fewer than
    five, down to a week. A horizon too long even for that is learned on the longest label that
    leaves three cutoffs.

    Raises:
        NotEnoughData: the history is too short for three cutoffs with labels of a week.
    """
    history_days = (as_of - first_event_at).days
    label_days = min(horizon_days, history_days - _BESIDE_LABELS_DAYS)
    shortest = min(horizon_days, SHORTEST_LABEL_DAYS)
    if label_days < shortest:
        raise NotEnoughData(
            f"labels of {shortest} days need {shortest + _BESIDE_LABELS_DAYS} days of history; "
            f"there are {max(history_days, 0)} before {as_of:%Y-%m-%d}",
            remedy="import a longer history, or train as of a later moment",
        )
    every = _grid(first_event_at, as_of, label_days)
    horizon = timedelta(days=label_days)
    enough = max(FEWEST_CUTOFFS, len(every) // 3)
    for held, validated in _SHAPES:
        holdout = every[-held:]
        refit = tuple(at for at in every if at + horizon <= holdout[0])
        validation = refit[-validated:]
        fit = tuple(at for at in refit if at + horizon <= validation[0]) if validation else ()
        if len(fit) >= enough:
            statement = _apart(fit, validation, holdout)
            return Plan(fit, validation, refit, holdout, every, statement, label_days)
    fit, validation, holdout = every[:-2], every[-2:-1], every[-1:]
    statement = _overlapping(holdout, label_days)
    return Plan(fit, validation, every[:-1], holdout, every, statement, label_days)


def _spacing(horizon_days: int, room_days: int) -> int:
    shared = room_days // (SHORT_HISTORY_CUTOFFS - 1)
    return max(LEAST_SPACING_DAYS, min(SPACING_DAYS, horizon_days, shared))


def _grid(first_event_at: datetime, as_of: datetime, horizon_days: int) -> tuple[datetime, ...]:
    last = as_of - timedelta(days=horizon_days)
    earliest = first_event_at + timedelta(days=MINIMUM_HISTORY_DAYS)
    spacing = timedelta(days=_spacing(horizon_days, (last - earliest).days))
    moments = (last - spacing * step for step in range(MOST_CUTOFFS))
    return tuple(at for at in moments if at >= earliest)[::-1]


def _days(cutoffs: tuple[datetime, ...]) -> str:
    if len(cutoffs) == 1:
        return f"{cutoffs[0]:%Y-%m-%d}"
    return f"{cutoffs[0]:%Y-%m-%d} to {cutoffs[-1]:%Y-%m-%d} ({len(cutoffs)} cutoffs)"


_FINAL = (
    "Calibrators come from the last three cutoffs of customers the fit did not see. The "
    "registered model was fitted again on every cutoff with what had been chosen; its metrics "
    "are those of the evaluated model."
)


def _apart(
    fit: tuple[datetime, ...], validation: tuple[datetime, ...], holdout: tuple[datetime, ...]
) -> str:
    return (
        f"Rounds and blend were chosen on {_days(validation)} after fitting on "
        f"{_days(fit)}; judged on {_days(holdout)}. No label window of a fit reaches into the "
        f"windows it is judged on. {_FINAL}"
    )


def _overlapping(holdout: tuple[datetime, ...], horizon_days: int) -> str:
    return (
        f"The history is too short to keep label windows apart: judged on {_days(holdout)}, and "
        f"the {horizon_days}-day label windows of earlier cutoffs overlap the holdout's, so the "
        f"metrics are somewhat too good. {_FINAL}"
    )
