"""SQL for reading the values of a table file, whatever their column's type is."""

from collections.abc import Sequence

YES = "('true', 't', 'yes', 'y', '1', '1.0')"
_COMMA = r"^[+-]?([0-9]+|[0-9]{1,3}([. '\x{a0}][0-9]{3})+)(,[0-9]+)?$"
_GROUPED = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+[.][0-9]+$"
NO = "('false', 'f', 'no', 'n', '0', '0.0')"


def quoted(text: str) -> str:
    """``text`` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def as_text(column: str) -> str:
    """The value as trimmed text; blank is null."""
    return f"nullif(trim(CAST({column} AS VARCHAR)), '')"


def as_id(column: str) -> str:
    """The value as an id: 17850.0, a frame's integer beside missing values, is 17850."""
    return f"regexp_replace({as_text(column)}, '^(-?[0-9]+)[.]0+$', '\\1')"


def as_number(column: str, decimal: str = "point") -> str:
    """The value as a finite number, else null; thousands may be set apart where that is plain.

    With ``decimal`` comma, 1.234,50 is one and 12.50 is none: nothing is read two ways.
    """
    text = as_text(column)
    if decimal == "comma":
        plain = f"regexp_matches({text}, {quoted(_COMMA)})"
        read = f"replace(regexp_replace({text}, '[^0-9,+-]', '', 'g'), ',', '.')"
        text = f"CASE WHEN {plain} THEN {read} END"
    else:
        grouped = f"regexp_matches({text}, {quoted(_GROUPED)})"
        text = f"CASE WHEN {grouped} THEN replace({text}, ',', '') ELSE {text} END"
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def in_utc(local: str, zone: str) -> str:
    """A local time as a UTC timestamp; where clocks went back the later time is meant."""
    return f"timezone({quoted(zone)}, {local})"


def judging(rules: Sequence[tuple[str, str, str]]) -> str:
    """The columns ``reason`` and ``detail`` of the first rule a row falls under, else null.

    A rule is its reason, its condition and its detail, the last two in SQL.
    """
    reasons = " ".join(f"WHEN {rule} THEN {quoted(name)}" for name, rule, _ in rules)
    details = " ".join(f"WHEN {rule} THEN {detail}" for _, rule, detail in rules)
    return f"CASE {reasons} END AS reason, CASE {details} END AS detail"
