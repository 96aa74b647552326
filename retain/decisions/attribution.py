"""Attribution: every fact counted once, and each conversion credited to one action at most.

What a decision is credited with is for accounts. What an action adds is learned from what all
customers did after their decisions, credited or not: :mod:`training.logged`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator

from retain.clock import MICROSECONDS_PER_DAY
from retain.configuration import Declared, read_declared
from retain.decisions.facts import Act, Conversion, Fact, Pair, Told, facts, first_times
from retain.decisions.state import is_released, is_reported
from retain.vocabulary import vocabulary

__all__ = ["Act", "Attributed", "Attribution", "Conversion", "Credit", "Told", "attribute", "load"]

FILE_NAME = "attribution.yaml"
Days = Annotated[float, Field(ge=0, le=365)]


class Windows(Declared):
    """Days after each outcome within which a conversion is credited to its action; 0: never."""

    sent: Days = 5
    delivered: Days = 5
    shown: Days = 1
    opened: Days = 7
    clicked: Days = 14

    def micros(self) -> dict[str, int]:
        """By outcome, in microseconds."""
        return {name: int(days * MICROSECONDS_PER_DAY) for name, days in self}


class Attribution(Declared):
    """The content of ``config/attribution.yaml``.

    Attributes:
        model: ``last_touch``: the action that touched the customer last; ``decision_id``: only
            conversions that name their decision are credited at all.
        windows_days: how long a touch counts.
        named_days: for how long after its decision a conversion may name it.
        converts: event types that are conversions.
        value: what a conversion is worth where both an order and feedback tell of it.
        same_within_hours: how far apart the two may be told to have happened.
        not_carried_out: what learning does with actions that were not sent.
    """

    model: Literal["last_touch", "decision_id"] = "last_touch"
    windows_days: Windows = Windows()
    named_days: Days = 30
    converts: tuple[str, ...] = ("order_completed",)
    value: Literal["order", "feedback"] = "order"
    same_within_hours: Annotated[float, Field(ge=0, le=24 * 14)] = 24
    not_carried_out: Literal["excluded", "as_decided"] = "excluded"

    @field_validator("converts")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in vocabulary().types]:
            raise ValueError(f"{unknown[0]!r} is no event type")
        return names


class Credit(NamedTuple):
    """One conversion and the action it is credited to."""

    fact: Fact
    pair: Pair
    value: float


@dataclass(frozen=True, slots=True)
class Attributed:
    """One decided action and what became of it.

    Attributes:
        carried_out: whether it was done; of what nothing was told, whether that is presumed.
        outcomes: when each was first told to have happened, by feedback or an event.
        conversions: how many are credited to it.
        reward: what they are worth together.
    """

    act: Act
    carried_out: bool
    outcomes: Mapping[str, int]
    conversions: int = 0
    reward: float = 0.0


def load(config: Path) -> Attribution:
    """What a configuration folder declares, or what is shipped.

    Raises:
        InvalidInput: a field of ``attribution.yaml`` is wrong.
    """
    return read_declared(config, FILE_NAME, Attribution)


def attribute(
    acts: Sequence[Act],
    told: Iterable[Told],
    conversions: Iterable[Conversion],
    how: Attribution,
) -> tuple[list[Attributed], list[Credit]]:
    """What became of every action, in the order of ``acts``, and each credit that was given.

    Neither the order of what was told nor how often matters. No action is credited with what
    happened before it was decided, or that it did not reach the customer by then; doing nothing
    is credited with nothing.

    Args:
        acts: decided actions, each pair of decision and action once.
        told: outcomes by feedback and by events, in any order, also more than once.
        conversions: events that are conversions, likewise.
        how: windows, model and value.
    """
    told = set(told)
    times = first_times(told)
    known = {act.pair: act for act in acts}
    done = {pair: _carried_out(act, times.get(pair, {})) for pair, act in known.items()}
    touches = _touches(acts, done, times, how.windows_days.micros())
    named_for = int(how.named_days * MICROSECONDS_PER_DAY)
    given = []
    for fact in facts(known, told, conversions, int(how.same_within_hours * 3_600_000_000)):
        claimed = [known[pair] for pair in fact.named if pair in known]
        own = [
            act for act in claimed
            if act.acts and 0 <= fact.at - act.decided_at <= named_for
            and not is_released(times.get(act.pair, {}))
        ]  # fmt: skip
        if own:
            pair = max(own, key=lambda act: (act.decided_at, act.pair)).pair
        elif how.model == "last_touch":
            last = _last(touches.get(fact.customer_id, ()), fact.at)
            if last is None:
                continue
            pair = last
        else:
            continue
        given.append(Credit(fact, pair, fact.worth(how.value, pair)))
    return _rows(acts, done, times, given), given


def _rows(
    acts: Sequence[Act],
    done: Mapping[Pair, bool],
    times: Mapping[Pair, Mapping[str, int]],
    given: Iterable[Credit],
) -> list[Attributed]:
    earned: defaultdict[Pair, list[float]] = defaultdict(list)
    for credit in given:
        earned[credit.pair].append(credit.value)
    return [
        Attributed(
            act,
            # what is credited to it by name was carried out, whoever forgot to say so
            done[act.pair] or act.pair in earned,
            times.get(act.pair, {}),
            len(earned.get(act.pair, ())),
            sum(earned.get(act.pair, ())),
        )
        for act in acts
    ]


def _carried_out(act: Act, outcomes: Mapping[str, int]) -> bool:
    if not act.acts:
        return act.reserved
    if is_reported(outcomes) and not is_released(outcomes):
        return True
    return act.presumed and not is_released(outcomes)


class _Touch(NamedTuple):
    at: int
    decided_at: int
    pair: Pair
    until: int


def _touches(
    acts: Iterable[Act],
    done: Mapping[Pair, bool],
    times: Mapping[Pair, Mapping[str, int]],
    windows: Mapping[str, int],
) -> dict[str, list[_Touch]]:
    """Every time that an action reached a customer, by customer, the latest first."""
    found: defaultdict[str, list[_Touch]] = defaultdict(list)
    for act in acts:
        if act.acts and done[act.pair]:
            for outcome, at in _reached(act, times.get(act.pair, {})):
                if windows.get(outcome, 0):
                    # a clock that is behind does not bring a message before its decision
                    when = max(at, act.decided_at)
                    until = when + windows[outcome]
                    found[act.customer_id].append(_Touch(when, act.decided_at, act.pair, until))
    for touches in found.values():
        touches.sort(reverse=True)
    return dict(found)


def _reached(act: Act, outcomes: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    if not is_reported(outcomes):
        yield "sent", act.planned_at
    yield from outcomes.items()


def _last(touches: Sequence[_Touch], at: int) -> Pair | None:
    return next((touch.pair for touch in touches if touch.at <= at <= touch.until), None)
