"""The ranking of one customer in C, where it was compiled.

What it stands in for is :mod:`retain.decisions.eligibility`, :mod:`retain.decisions.worth` and the
order in :mod:`retain.decisions.ranked`, for who is known as plain values and out of any context.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from retain import native
from retain.columns import ACTION_RULES
from retain.decisions.actions import Action
from retain.decisions.eligibility import Eligibility
from retain.decisions.hindrances import CONTEXT_CHANNEL, Forbids
from retain.decisions.worth import Appraiser
from retain.features.ageing import OBJECTS
from retain.one.features import One
from retain.rule_programs import Programs

_COMPILED = native.compiled("ranks")
_BY_RULE, _BY_COLUMN, _ALWAYS = range(3)

_Tests = Sequence[Callable[[Any], bool]]


Ranks = Callable[[One], tuple[list[str | None], list[int], dict[int, tuple[Any, ...]]]]
"""One customer to: by place in the catalogue what removed the action, or None; the places of the
others, the best first; by place the fields of :class:`~retain.decisions.worth.Worth`, of those and
of what is not worth it."""


def ranks_of(
    eligibility: Eligibility, appraiser: Appraiser, *, gives_up: tuple[str, str] | None
) -> Ranks | None:
    """What ranks a catalogue's actions for one customer; None: it is not compiled.

    Args:
        eligibility: of the catalogue.
        appraiser: of the catalogue.
        gives_up: names of what removes an action of which it is not known whether it is worth it,
            and one that is not; None: somebody else decides that, and sorts.
    """
    if _COMPILED is None:
        return None
    programs = Programs(ACTION_RULES)
    columns: dict[str, list[Callable[[Any], bool]]] = {}
    hindrances = tuple(
        (name, *_hindrance(forbids, programs, columns)) for name, forbids in eligibility.hindrances
    )
    actions = tuple(
        _action(appraiser, programs, place, eligibility.orders[place])
        for place in range(len(appraiser.ids))
    )
    counts, basket = appraiser.counts, programs.amount(appraiser.catalogue.basket.text)
    made = native.made(
        _COMPILED.Ranks,
        programs.program,
        tuple(
            (
                name,
                name in OBJECTS and ACTION_RULES[name] == "list",
                len(tests),
                partial(_told, tests),
            )
            for name, tests in columns.items()
        ),
        hindrances,
        actions,
        basket,
        counts.uplift,
        counts.redemption_cost,
        gives_up is not None,
        appraiser.told_of,
        appraiser.preferred,
        *(gives_up or ("", "")),
    )
    return None if made is None else made.of


def _told(tests: _Tests, value: Any) -> bytes:
    return bytes(test(value) for test in tests)


def _hindrance(
    forbids: Forbids, programs: Programs, columns: dict[str, list[Callable[[Any], bool]]]
) -> tuple[int, int, int]:
    if forbids.of is None:
        return _BY_RULE, programs.condition(forbids.rule), int(forbids.unless)
    if forbids.of == CONTEXT_CHANNEL:
        return _ALWAYS, int(forbids.one(None)), 0
    tests = columns.setdefault(forbids.of, [])
    tests.append(forbids.one)
    return _BY_COLUMN, list(columns).index(forbids.of), len(tests) - 1


def _action(
    appraiser: Appraiser, programs: Programs, place: int, order: Sequence[int]
) -> tuple[Any, ...]:
    catalogue, counts = appraiser.catalogue, appraiser.counts
    action: Action = catalogue.actions[place]
    fixed = appraiser.fixed[place]
    weights = catalogue.weights[action.id] if counts.context_weight else ()
    return (
        programs.amount(catalogue.values[action.id].text) if counts.value else -1,
        programs.amount(catalogue.conversions[action.id].text),
        programs.amount(catalogue.uplifts[action.id].text),
        action.channel == "none",
        place in appraiser.taught,
        action.channel,
        fixed.margin,
        fixed.contact_cost,
        fixed.lever,
        tuple(order),
        tuple((programs.condition(rule.text), factor) for rule, factor in weights),
        tuple((arm.strength, arm.discount, arm.reward) for arm in action.treatments),
    )
