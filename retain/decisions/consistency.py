"""What a catalogue says twice, or of things it does not have: found when it is read."""

import difflib
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from retain.vocabulary import vocabulary

if TYPE_CHECKING:
    from retain.decisions.actions import Action, ActionConfig


def contradictions(config: "ActionConfig") -> Iterator[str]:
    """What is wrong with ``config`` as a whole, each in a sentence that says what to do."""
    for action in config.actions:
        yield from _of(action, config)
    yield from _of_names(config)
    yield from _of_budgets(config)
    yield from _without_a_beginning(config)


def _of(action: "Action", config: "ActionConfig") -> Iterator[str]:
    for name in action.conditions:
        if name not in config.rules:
            hint = _nearest(name, config.rules)
            yield f"{action.id} needs the rule {name!r}, which is not declared under rules{hint}"
    for goal in action.withdrawn_by:
        if goal not in config.rules and goal not in vocabulary().types:
            hint = _nearest(goal, [*config.rules, *vocabulary().types])
            yield f"{action.id} is withdrawn by {goal!r}: neither a rule nor an event type{hint}"
        if goal in config.rules and goal in vocabulary().types:
            yield f"{action.id} is withdrawn by {goal!r}, a rule and an event type: rename the rule"
    if action.valid_from and action.valid_until and action.valid_from > action.valid_until:
        yield f"{action.id} is valid until the day before it begins: swap its two dates"
    if action.transactional and action.budget:
        yield f"{action.id} is transactional, so it must go out: remove its budget"
    if action.channel == "none" and (
        action.cap or action.cool_down or action.budget or action.follows
        or action.valid_from or action.valid_until or action.withdrawn_by
    ):  # fmt: skip
        yield f"{action.id} does nothing and is always there: remove what limits it"


def _of_names(config: "ActionConfig") -> Iterator[str]:
    ids = {action.id for action in config.actions}
    tags = {tag for action in config.actions for tag in action.tags}
    for action in config.actions:
        for follow in action.follows:
            if follow.action not in ids or follow.action in (action.id, "none"):
                hint = _nearest(follow.action, ids - {action.id, "none"})
                yield f"{action.id} follows {follow.action!r}: name another action{hint}"
    for name in (*config.tag_caps, *config.tag_budgets):
        if name not in tags:
            yield f"no action has the tag {name!r} that a cap or budget names{_nearest(name, tags)}"
    for group, exclusion in config.exclusions.items():
        if unknown := sorted({*exclusion.actions} - ids):
            hint = _nearest(unknown[0], ids)
            yield f"the exclusion {group} names {unknown[0]!r}, which is no action{hint}"
        if unknown := sorted({*exclusion.tags} - tags):
            hint = _nearest(unknown[0], tags)
            yield f"the exclusion {group} names {unknown[0]!r}, a tag no action has{hint}"
        if len(config.members(exclusion)) < 2:
            yield f"the exclusion {group} has fewer than two actions: name more, or remove it"


def _of_budgets(config: "ActionConfig") -> Iterator[str]:
    declared = {
        "the whole catalogue": config.budget,
        **{f"the channel {name}": held for name, held in config.channel_budgets.items()},
        **{f"the tag {name}": held for name, held in config.tag_budgets.items()},
        **{action.id: action.budget for action in config.actions},
    }
    for whose, budgets in declared.items():
        periods = [budget.per for budget in budgets]
        if len(set(periods)) < len(periods):
            yield f"{whose} has two budgets for one period: make them one"


def _without_a_beginning(config: "ActionConfig") -> Iterator[str]:
    followers = {
        action.id: {each.action for each in action.follows}
        for action in config.actions
        if action.follows
    }
    while begun := [one for one, after in followers.items() if after - followers.keys()]:
        for one in begun:
            del followers[one]
    if followers:
        among = ", ".join(sorted(followers))
        yield f"{among} only follow each other, so none can begin: let one follow something else"


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
