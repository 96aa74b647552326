"""Segments, journey stages and tags by declared rules; what they are is in segments.yaml."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from retain import rfm
from retain.columns import RFM, SEGMENT_RULES, Columns, Over
from retain.configuration import Declared, Name, Names, read_yaml
from retain.features.ageing import objects
from retain.one.features import One
from retain.rfm import RfmEdges
from retain.rule_programs import holding
from retain.rule_rows import Known, Row
from retain.rules import Rule, compile_rule

Objects = NDArray[np.object_]
Floats = NDArray[np.float64]


class Label(Declared):
    """A stage or a tag: a name, the rule that gives it, and why in words."""

    name: Name
    names: Names
    rule: str | bool
    reason: str


class Group(Label):
    """A named RFM group with the priority it is served by."""

    priority: Literal["A", "B", "C"]


class SegmentConfig(Declared):
    """The content of ``config/segments.yaml``."""

    groups: tuple[Group, ...]
    stages: tuple[Label, ...]
    tags: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _covers_everybody(self) -> Self:
        for kind in ("groups", "stages", "tags"):
            labels: Sequence[Label] = getattr(self, kind)
            names = [label.name for label in labels]
            if len(set(names)) < len(names):
                raise ValueError(f"two {kind} have one name")
            if kind != "tags" and (not labels or labels[-1].rule is not True):
                raise ValueError(f"the last of the {kind} must have the rule `true`")
        return self


def load(path: Path) -> SegmentConfig:
    """The segment configuration in the file at ``path``, with every rule compiled once.

    Raises:
        InvalidInput: a field or a rule is wrong; the message names it.
    """
    config = read_yaml(path, SegmentConfig)
    _compile((*config.groups, *config.stages, *config.tags), path.name)
    return config


@dataclass(frozen=True, slots=True)
class Segments:
    """Who belongs where, each (n,).

    Attributes:
        names: group of each customer, exactly one; None where it is withheld.
        priorities: A, B or C; None where the group is withheld.
        stages: journey stage, exactly one; None where it is withheld.
        tags: list of tags, possibly empty.
        r, f, m: quintile scores 1 to 5; NaN for customers who never ordered.
    """

    names: Objects
    priorities: Objects
    stages: Objects
    tags: Objects
    r: Floats
    f: Floats
    m: Floats

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns action rules read: segment, priority, stage, tags, r, f, m."""
        return {
            "segment": self.names,
            "priority": self.priorities,
            "stage": self.stages,
            "tags": self.tags,
            "r": self.r,
            "f": self.f,
            "m": self.m,
        }

    def without(self, rows: NDArray[np.bool_]) -> Self:
        """The same, withheld for the customers ``rows`` (n,): no names, no tags, no scores."""
        if not rows.any():
            return self
        return replace(
            self,
            names=_withheld(self.names, rows),
            priorities=_withheld(self.priorities, rows),
            stages=_withheld(self.stages, rows),
            tags=objects([[] if row else tags for row, tags in zip(rows, self.tags, strict=True)]),
            r=np.where(rows, np.nan, self.r),
            f=np.where(rows, np.nan, self.f),
            m=np.where(rows, np.nan, self.m),
        )


def unsaid(rows: int) -> Segments:
    """Where ``rows`` customers belong that nobody asked about: nowhere."""
    nothing = np.full(rows, None, dtype=object)
    missing = np.full(rows, np.nan)
    tags = objects([[] for _ in range(rows)])
    return Segments(nothing, nothing, nothing, tags, missing, missing, missing)


Rfm = tuple[float, float, float]
_Holds = Callable[[Known], bool]


class OneSegment(NamedTuple):
    """Where one customer belongs: see :class:`Segments`."""

    name: str
    priority: str
    stage: str
    tags: list[str]


class Segmenter:
    """Gives every customer a group, a stage and tags."""

    def __init__(
        self, config: SegmentConfig, edges: RfmEdges, *, file: str = "segments.yaml"
    ) -> None:
        self._config = config
        self._edges = edges
        self._groups = _compile(config.groups, file)
        self._stages = _compile(config.stages, file)
        self._tags = _compile(config.tags, file)
        self._stage_holds = [
            (rule.of_row, stage.name)
            for rule, stage in zip(self._stages, config.stages, strict=True)
        ]
        self._tag_holds = [(rule.of_row, rule.name) for rule in self._tags]
        # most groups are told by r, f and m alone, which are one of 126 triples
        self._left: dict[Rfm | None, tuple[Sequence[_Holds], Sequence[Group]]] = {}
        self.by_name: Mapping[str, Group] = {group.name: group for group in config.groups}
        self._compiled = holding(
            SEGMENT_RULES,
            [
                (False, [rule.text for rule in self._groups]),
                (False, [rule.text for rule in self._stages]),
                (True, [rule.text for rule in self._tags]),
            ],
        )
        self._tags_of: dict[int, list[str]] = {}

    def of_one(self, row: Known) -> OneSegment:
        """As :meth:`segment`, of one customer; what it says is put into ``row`` for later rules."""
        if self._compiled is None or type(row) is not One:
            return self.plainly_of_one(row)
        row["r"], row["f"], row["m"] = rfm.score_vector(row.vector, self._edges)
        row["vip_spend_365d"] = self._edges.vip_spend_365d
        of_group, of_stage, of_tags = self._compiled(row)
        tags = self._tags_of.get(of_tags)
        if tags is None:
            held = [rule.name for at, rule in enumerate(self._tags) if of_tags >> at & 1]
            tags = self._tags_of[of_tags] = held
        stage = self._config.stages[of_stage].name
        return _put(row, self._config.groups[of_group], stage, tags.copy())

    def plainly_of_one(self, row: Known) -> OneSegment:
        """As :meth:`of_one`, where that was not compiled."""
        scores = rfm.score_one(row, self._edges)
        row["r"], row["f"], row["m"] = scores
        row["vip_spend_365d"] = self._edges.vip_spend_365d
        group = self._group(scores, row)
        stage = ""
        for holds, stage in self._stage_holds:  # noqa: B007 - the last always holds
            if holds(row):
                break
        tags = [tag for holds, tag in self._tag_holds if holds(row)]
        return _put(row, group, stage, tags)

    def _group(self, scores: Rfm, row: Known) -> Group:
        key = None if isnan(scores[0]) else scores
        left = self._left.get(key)
        if left is None:
            left = self._left[key] = self._left_of(scores)
        rules, groups = left
        for holds, group in zip(rules, groups, strict=False):
            if holds(row):
                return group
        return groups[-1]

    def _left_of(self, scores: Rfm) -> tuple[Sequence[_Holds], Sequence[Group]]:
        """The rules to ask of who has these scores, and a group for each and where none holds."""
        known = dict(zip(RFM, scores, strict=True))
        rules: list[_Holds] = []
        groups: list[Group] = []
        for rule, group in zip(self._groups, self._config.groups, strict=True):
            if not rule.columns <= known.keys():
                rules.append(rule.of_row)
                groups.append(group)
            elif rule.of_row(known):
                groups.append(group)
                break
        return rules, groups

    def segment(self, columns: Columns) -> Segments:
        """Groups, stages and tags of the n customers of ``columns`` (read-time features)."""
        rows = len(columns["order_recency_days"])
        scores = dict(zip(RFM, rfm.score(columns, self._edges), strict=True))
        edge = np.full(rows, self._edges.vip_spend_365d)
        known = Over({**scores, "vip_spend_365d": edge}, columns)
        hold = _Holding(known, rows)
        groups, stages = hold.first(self._groups), hold.first(self._stages)
        return Segments(
            names=_named([group.name for group in self._config.groups], groups),
            priorities=_named([group.priority for group in self._config.groups], groups),
            stages=_named([stage.name for stage in self._config.stages], stages),
            tags=hold.all(self._tags),
            **scores,
        )


def _put(row: Known, group: Group, stage: str, tags: list[str]) -> OneSegment:
    row["segment"], row["priority"] = group.name, group.priority
    row["stage"], row["tags"] = stage, tags
    return OneSegment(group.name, group.priority, stage, tags)


def _compile(labels: Sequence[Label], file: str) -> list[Rule]:
    return [compile_rule(label.rule, SEGMENT_RULES, name=label.name, file=file) for label in labels]


def _first(rules: Sequence[Rule], row: Known) -> int:
    """The place of the first rule that holds; the last always does."""
    place = 0
    for place, rule in enumerate(rules):  # noqa: B007 - the place is what is asked for
        if rule.of_row(row):
            break
    return place


class _Holding:
    """Which rules hold for each of n customers; for one, none is asked that need not be."""

    def __init__(self, columns: Columns, rows: int) -> None:
        self._columns = columns
        self._rows = rows
        self._row = Row(columns, SEGMENT_RULES) if rows == 1 else None

    def first(self, rules: Sequence[Rule]) -> NDArray[np.int64]:
        """The place of the first rule that holds, (n,)."""
        if self._row is not None:
            return np.array([_first(rules, self._row)])
        held = np.stack([rule.evaluate(self._columns, self._rows) for rule in rules])
        first: NDArray[np.int64] = held.argmax(axis=0)
        return first

    def all(self, rules: Sequence[Rule]) -> Objects:
        """The names of the rules that hold, (n,) lists."""
        if self._row is not None:
            return objects([[rule.name for rule in rules if rule.of_row(self._row)]])
        tags = objects([[] for _ in range(self._rows)])
        for rule in rules:
            for row in np.flatnonzero(rule.evaluate(self._columns, self._rows)):
                tags[row].append(rule.name)
        return tags


def _named(names: Sequence[str], places: NDArray[np.int64]) -> Objects:
    return np.array(names, dtype=object)[places]


def _withheld(values: Objects, rows: NDArray[np.bool_]) -> Objects:
    kept = values.copy()
    kept[rows] = None
    return kept
