"""One group's part in a score, told in words that fit the customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from retain.columns import Columns
from retain.reasons.amounts import told
from retain.reasons.reason import Compared, Head
from retain.reasons.words import TYPICAL, Group, Language, Sentence, Tells, places, unit_of, words
from retain.rules import Rule
from retain.signals import Signal

SEASON = "season"


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said: the code, the words, and the numbers in them."""

    code: str
    text: str
    value: float | str | None
    usual: float | None
    compared_with: Compared | None


class Teller:
    """Tells about the n customers of one table.

    ``typical`` holds what is typical for the customers a model was trained on, by feature.
    """

    def __init__(self, columns: Columns, typical: Mapping[str, float], language: Language) -> None:
        self._columns = columns
        self._typical = typical
        self._language = language
        self._held: dict[str, np.ndarray] = {}

    def tell(self, row: int, group: Group, movers: Sequence[str], tells: Tells | None) -> Saying:
        """What ``group`` says of a customer.

        Args:
            row: which of the n customers.
            group: whose sentences.
            movers: its features, the one that moved the score most first.
            tells: the side the sentence may be on.
        """
        known = (name for name in movers if self._value(row, name) is not None)
        mover = next(known, movers[0])
        for sentence in group.sentences:
            if mover in sentence.about and sentence.tells in (None, tells):
                said = self._said(row, sentence)
                if said is not None:
                    return said
        return self._labelled(row, group, mover)

    def season(self, head: Head, worth: float, days: float) -> Saying:
        """What the time of year says: what the coming ``days`` are ``worth`` in average ones.

        They are named, as one head may look further ahead than another and see another season.
        """
        phrase = "season_of_revenue" if head == "ltv" else "season_of_orders"
        text = str(getattr(words().phrases[phrase], self._language)).format(
            value=told(worth, "ratio", self._language), days=told(days, "days", self._language)
        )
        return Saying(SEASON, text, worth, 1.0, "average")

    def _said(self, row: int, sentence: Sentence) -> Saying | None:
        if not self._holds(row, sentence):
            return None
        text = self._filled(row, getattr(sentence, self._language), sentence.value)
        if text is None:
            return None
        value = self._value(row, sentence.value)
        if sentence.usual is None:
            usual = self._typical.get(sentence.value)
            return Saying(sentence.code, text, value, usual, None if usual is None else "customers")
        own = self._value(row, sentence.usual) if isinstance(sentence.usual, str) else 1.0
        if isinstance(own, str) or own is None:
            return None
        return Saying(sentence.code, text, value, own, "own")

    def _labelled(self, row: int, group: Group, feature: str) -> Saying:
        value, usual = self._value(row, feature), self._typical.get(feature)
        if value is None or isinstance(value, str):
            usual = None
        phrase = "unknown" if value is None else "alone" if usual is None else TYPICAL
        label, unit = words().label(feature, self._language), unit_of(feature)
        if unit != "days" and unit in label:
            unit = ""  # "orders in the last 30 days: 4", not "4 orders"
        text = str(getattr(words().phrases[phrase], self._language)).format(
            label=label,
            value="" if value is None else self._told(row, value, unit),
            typical="" if usual is None else self._told(row, usual, unit),
        )
        return Saying(group.name, text, value, usual, None if usual is None else "customers")

    def _filled(self, row: int, text: str, about: str) -> str | None:
        found: dict[str, str] = {}
        for name in places(text):
            value = self._typical.get(about) if name == TYPICAL else self._value(row, name)
            if value is None:
                return None
            found[name] = self._told(row, value, unit_of(about if name == TYPICAL else name))
        return text.format(**found)

    def _told(self, row: int, value: float | str, unit: str) -> str:
        return told(value, unit, self._language, self._columns["currency"][row])

    def _value(self, row: int, feature: str) -> float | str | None:
        value: Any = self._columns[feature][row]
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, list):
            return ", ".join(value) or None
        return None if np.isnan(value) else float(value)

    def _holds(self, row: int, sentence: Sentence) -> bool:
        held = self._held.get(sentence.code)
        if held is None:
            rows = len(self._columns["currency"])
            held = self._held[sentence.code] = _rule(sentence).evaluate(self._columns, rows)
        return bool(held[row])


def of_signal(signal: Signal, language: Language) -> str:
    """An early-warning signal in words."""
    lapsed = signal.code == "subscription_lapsing" and signal.value < 0
    names = words().signals["subscription_lapsed" if lapsed else signal.code]
    return str(getattr(names, language)).format(
        value=told(signal.value, signal.unit, language),
        usual=told(signal.usual, signal.unit, language),
    )


@cache
def _rule(sentence: Sentence) -> Rule:
    return sentence.rule()
