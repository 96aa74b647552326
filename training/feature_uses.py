"""Where each feature is used with the configuration that Retain comes with."""

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from retain import rfm, scoring, segments, signals
from retain.columns import READ_TIME, SEGMENT_RULES
from retain.decisions import catalogues, channels, hindrances, hours, ranking, send_times
from retain.features import ageing
from retain.items import histories
from retain.rules import compile_rule
from training.selection import candidates

_LISTED = 4

# the modules that read features by name, and what they do with them
_READERS: Mapping[str, ModuleType] = {
    "RFM": rfm,
    "status of a score": scoring,
    "consent and channels of an action": hindrances,
    "caps": ranking,
    "send time": send_times,
    "hours of the send time": hours,
    "preferred channel": channels,
    "currency of every amount": ageing,
    "early-warning signals": signals,
    "next products and categories": histories,
}


def feature_uses(config: Path) -> dict[str, str]:
    """In words, by feature; ``config`` is the folder of ``segments.yaml`` and ``actions.yaml``.

    Models may read every number and a few categories: each training leaves out what tells no
    customers apart, and its manifest says what was left.

    Raises:
        InvalidInput: a file of ``config`` is wrong.
    """
    uses: defaultdict[str, list[str]] = defaultdict(list)
    for feature in candidates():
        uses[feature.name].append("models")
    for kind, users in (
        ("segments", _segments(config / "segments.yaml")),
        ("actions", _actions(config / "actions.yaml")),
    ):
        for name, where in _by_feature(users).items():
            uses[name].append(f"{kind}: {_shortened(where)}")
    for what, module in _READERS.items():
        for name in sorted(_named_in(module)):
            uses[name].append(what)
    return {name: "; ".join(where) for name, where in uses.items()}


def _segments(file: Path) -> Iterator[tuple[str, frozenset[str]]]:
    config = segments.load(file)
    for label in (*config.groups, *config.stages, *config.tags):
        rule = compile_rule(label.rule, SEGMENT_RULES, name=label.name, file=file.name)
        yield f"`{label.name}`", rule.columns


def _actions(file: Path) -> Iterator[tuple[str, frozenset[str]]]:
    catalogue = catalogues.load(file)
    yield "`basket`", catalogue.basket.columns
    for rule in catalogue.rules.values():
        yield f"`{rule.name}`", rule.columns
    for action in catalogue.actions:
        formulas = (catalogue.values, catalogue.conversions, catalogue.uplifts)
        columns = (formula[action.id].columns for formula in formulas)
        yield f"`{action.id}`", frozenset(action.items).union(*columns)


def _by_feature(users: Iterable[tuple[str, frozenset[str]]]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for user, columns in users:
        for name in sorted(columns & READ_TIME.keys()):
            found[name].append(user)
    return found


def _shortened(users: list[str]) -> str:
    named = ", ".join(users[:_LISTED])
    return named if len(users) <= _LISTED else f"{named} and {len(users) - _LISTED} more"


def _named_in(module: ModuleType) -> set[str]:
    texts = (
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return set(texts) & READ_TIME.keys()
