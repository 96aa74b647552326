"""Spans of time as people write them in a configuration file: 30s, 5m, 2h, 60d, 1h30m."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WRITTEN = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_LONGEST = timedelta(days=3_650)


def parse(given: Any) -> timedelta:
    """``given`` as a span of time.

    Raises:
        ValueError: it is not written like one; the message says how.
    """
    if isinstance(given, timedelta):
        return given
    text = str(given).replace(" ", "")
    if text == "0":
        return timedelta()
    if isinstance(given, bool) or not _WRITTEN.fullmatch(text):
        raise ValueError(
            f"{given!r} is not a span of time: write it like 30s, 5m, 2h, 60d or 1h30m"
        )
    parts = {_UNITS[unit]: 0.0 for _, unit in _PART.findall(text)}
    for number, unit in _PART.findall(text):
        parts[_UNITS[unit]] += float(number)
    span = timedelta(**parts) if sum(parts.values()) < 1e9 else _LONGEST * 2
    if span > _LONGEST:
        raise ValueError(f"{given!r} is longer than ten years: write a shorter span")
    return span


Duration = Annotated[timedelta, BeforeValidator(parse)]
