"""Data quality for people: one row for each event type and feature, then what was found."""

from typing import TYPE_CHECKING

from cli.screen import say, table
from retain.clock import iso

if TYPE_CHECKING:
    from retain.quality.checkup import Checkup
    from retain.quality.tables import Row

FEATURES_SHOWN = 10
_GRAVITY = ("ok", "warn", "fail")
_MARK = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def show(checkup: "Checkup", *, every: bool) -> None:
    """Print ``checkup``; of the features that are ok a few, or ``every`` one."""
    from retain.quality import tables

    say(f"\nData quality at {iso(checkup.as_of)}")
    for note in checkup.notes:
        say(f"note  {note}")
    types = tables.event_types(checkup.findings)
    say()
    table(
        ("", "event type", "last 24 h", "usually", "missing", "range now", "of", "newest", "PSI"),
        [
            (
                _MARK[row.state],
                row.name,
                _count(row.volume),
                _count(row.usual),
                _share(row.null_rate),
                _range(row),
                row.number,
                _age(row.age_seconds),
                _psi(row.psi),
            )
            for row in types
        ],
    )
    features = tables.features(checkup.findings)
    shown = features if every else _most_telling(features)
    if shown:
        say()
        table(
            ("", "feature", "customers", "missing", "range now", "row age", "PSI", "usual PSI"),
            [
                (
                    _MARK[row.state],
                    row.name,
                    _count(row.volume),
                    _share(row.null_rate),
                    _range(row),
                    _age(row.age_seconds),
                    _psi(row.psi),
                    _psi(row.usual),
                )
                for row in shown
            ],
        )
    if len(features) > len(shown):
        say(f"and {len(features) - len(shown)} more features that are ok (--all lists them)")
    say()
    for finding in checkup.findings.findings:
        say(f"{_MARK[finding.severity]}  {finding.check:<14} {finding.sentence}")
    if not checkup.findings.findings:
        say("ok    nothing to report")


def _most_telling(rows: "list[Row]") -> "list[Row]":
    moved = sorted(rows, key=lambda row: (-_GRAVITY.index(row.state), -(row.psi or 0.0)))
    bad = sum(row.state != "ok" for row in rows)
    return moved[: max(bad, FEATURES_SHOWN)]


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _psi(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _range(row: "Row") -> str:
    return " … ".join(f"{value:,.4g}" for value in row.range.values())


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"
