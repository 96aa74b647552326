"""Formats that schemas name and the validator alone would take on trust."""

from datetime import datetime

from jsonschema import FormatChecker

FORMATS = FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_a_time(value: object) -> bool:
    """Whether it is no text, or one of RFC 3339: with its time of day and its offset."""
    if not isinstance(value, str):
        return True
    return "T" in value and datetime.fromisoformat(value).tzinfo is not None
