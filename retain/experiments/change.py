"""What an arm changes about deciding, and how the changes of several arms go together."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from retain.configuration import Declared, Name
from retain.decisions.exploration import Exploration

Multiplier = Annotated[float, Field(gt=0, le=100)]


class Change(Declared):
    """What is done differently for the customers of an arm; nothing by default.

    Attributes:
        policy: how is chosen among the ranked actions, in place of the catalogue's `exploration`.
        levers: factors on the expected value of actions, by id, on top of their own lever.
        tag_levers: the same for all actions with a tag.
        exclude_actions: ids of actions that are not offered.
        exclude_tags: tags whose actions are not offered.
        treatments: the treatment an action is given with, by action id.
        nothing: only `none` is left; transactional messages go out all the same.
    """

    policy: Exploration | None = None
    levers: Mapping[Name, Multiplier] = {}
    tag_levers: Mapping[Name, Multiplier] = {}
    exclude_actions: tuple[Name, ...] = ()
    exclude_tags: tuple[Name, ...] = ()
    treatments: Mapping[Name, Name] = {}
    nothing: bool = False


def together(changes: Sequence[Change]) -> Change:
    """The changes of one customer as one: levers multiply, exclusions add up.

    What cannot be combined (:func:`conflict`) is refused where it is declared; here the first
    change that names a policy or a treatment has it.
    """
    if len(changes) == 1:
        return changes[0]
    return Change(
        policy=next((one.policy for one in changes if one.policy), None),
        levers=_multiplied([one.levers for one in changes]),
        tag_levers=_multiplied([one.tag_levers for one in changes]),
        exclude_actions=tuple(dict.fromkeys(a for one in changes for a in one.exclude_actions)),
        exclude_tags=tuple(dict.fromkeys(tag for one in changes for tag in one.exclude_tags)),
        treatments={k: v for one in reversed(changes) for k, v in one.treatments.items()},
        nothing=any(one.nothing for one in changes),
    )


def conflict(a: Change, b: Change) -> str | None:
    """What both change and only one can have, in words; None where they go together."""
    if a.policy and b.policy:
        return "both set the policy"
    if both := sorted(a.treatments.keys() & b.treatments.keys()):
        return f"both set the treatment of {both[0]}"
    return None


def _multiplied(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    product: dict[str, float] = {}
    for levers in each:
        for name, factor in levers.items():
            product[name] = product.get(name, 1.0) * factor
    return product
