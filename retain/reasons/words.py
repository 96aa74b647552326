"""The words of reasons and signals, read from ``words.yaml`` and checked once."""

from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from string import Formatter
from typing import Literal, Self

from pydantic import Field, model_validator

from retain import yaml_text
from retain.columns import READ_TIME
from retain.configuration import Declared, Name, Names
from retain.features.catalogue import FEATURES, RATIOS
from retain.features.feature import Feature, Ratio
from retain.rules import Rule, compile_rule

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
Tells = Literal["leaving", "staying"]

TYPICAL = "typical"
FILE_NAME = "words.yaml"

_RELATIONS = {feature.relation for feature in FEATURES}
_EVERY: tuple[Feature | Ratio, ...] = (*FEATURES, *RATIOS)
_UNITS: Mapping[str, str] = {one.name: one.unit for one in _EVERY}
_MEANINGS: Mapping[str, str] = {one.name: one.meaning for one in _EVERY}


class Unit(Declared):
    """What stands after a number."""

    one: str
    many: str
    ko: str


class Sentence(Names):
    """One way to tell a group's reason.

    Attributes:
        about: the features it can speak for.
        value, usual: the features told as ``value`` and ``usual``; without ``usual`` what is
            typical for other customers.
        tells: on which side it speaks; None: on both.
    """

    code: Name
    about: tuple[str, ...]
    value: str
    usual: str | float | None = None
    when: str | bool = True
    tells: Tells | None = None

    @model_validator(mode="after")
    def _knows_its_features(self) -> Self:
        named = {*self.about, self.value, *self.places()}
        if isinstance(self.usual, str):
            named.add(self.usual)
        if strange := sorted(named - {*READ_TIME, TYPICAL}):
            raise ValueError(f"{self.code} names no feature: {', '.join(strange)}")
        if places(self.en) != places(self.ko):
            raise ValueError(f"{self.code} does not say the same in every language")
        return self

    def places(self) -> frozenset[str]:
        """The names in braces."""
        return places(self.en)

    def rule(self) -> Rule:
        """When the sentence is true."""
        return compile_rule(self.when, READ_TIME, name=self.code, file=FILE_NAME)


class Group(Declared):
    """Features of one meaning, and how their part in a score is told."""

    name: Name
    names: Names
    features: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    sentences: tuple[Sentence, ...] = ()


class Band(Declared):
    """What a risk band means, and what it asks for."""

    means: Names
    do: Names


class Words(Declared):
    """The content of ``words.yaml``."""

    units: dict[str, Unit]
    phrases: dict[str, Names]
    groups: tuple[Group, ...]
    labels: dict[str, Names] = Field(default_factory=dict)
    bands: dict[str, Band]
    signals: dict[str, Names]

    @model_validator(mode="after")
    def _has_a_group_for_everything(self) -> Self:
        listed = [name for group in self.groups for name in group.features]
        relations = [name for group in self.groups for name in group.relations]
        for kind, names in (("feature", listed), ("relation", relations)):
            if len(set(names)) < len(names):
                raise ValueError(f"a {kind} is in two groups")
        if strange := sorted({*listed, *self.labels} - set(READ_TIME)):
            raise ValueError(f"no such feature: {', '.join(strange)}")
        if set(relations) != _RELATIONS:
            raise ValueError(f"groups are needed for {_RELATIONS ^ set(relations)}")
        return self

    @cached_property
    def by_feature(self) -> Mapping[str, Group]:
        """The group of every feature: its own, or its relation's; a ratio's is its numerator's."""
        of_relation = {name: group for group in self.groups for name in group.relations}
        found = {feature.name: of_relation[feature.relation] for feature in FEATURES}
        found |= {ratio.name: found[ratio.numerator] for ratio in RATIOS}
        return found | {name: group for group in self.groups for name in group.features}

    def label(self, feature: str, language: Language) -> str:
        """What a feature is called; a new one by its meaning in the catalogue."""
        names = self.labels.get(feature)
        if names is not None:
            return str(getattr(names, language))
        meaning = _MEANINGS.get(feature, feature)
        return meaning if language == "en" else f"{self.by_feature[feature].names.ko} ({feature})"


def unit_of(feature: str) -> str:
    """The unit the catalogue declares."""
    return _UNITS.get(feature, "")


def places(text: str) -> frozenset[str]:
    """The names in braces of a text."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


@cache
def words() -> Words:
    """The words this version of Retain speaks."""
    text = files("retain.reasons").joinpath(FILE_NAME).read_text("utf-8")
    return Words.model_validate(yaml_text.loaded(text))
