"""`retain doctor`: does everything that serving needs stand, and are the data still right?"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import installation, quality_tables
from cli.context import AsJson, require_database, settings_of
from cli.installation import Check
from cli.screen import answer, say
from retain.clock import now, parse_utc
from retain.errors import NotEnoughData, RetainError
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.quality.checkup import Checkup

_GRAVITY = ("ok", "warn", "fail")


class Only(StrEnum):
    """A part of the examination."""

    store = "store"
    quality = "quality"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(doctor)


def doctor(
    context: typer.Context,
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TIME",
            help="Judge the data at this moment (ISO 8601, or `now`); default: the pinned clock, "
            "else now, else the end of a history that was imported.",
        ),
    ] = None,
    only: Annotated[Only | None, typer.Option(help="Examine this part alone.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="List every feature, also those ok.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the stores, the champions and the quality of the data; exit code 1 where one fails.

    Example: retain doctor --only quality --json
    """
    settings = settings_of(context)
    checks = [] if only is Only.quality else installation.examine(settings)
    checkup: Checkup | None = None
    if only is not Only.store:
        checkup = _quality(settings, as_of, checks)
    state = _worst(checks, checkup)
    if as_json:
        answer(_as_json(state, checks, checkup))
    else:
        for check in checks:
            _show(check)
        if checkup:
            quality_tables.show(checkup, every=every)
    if state == "fail":
        raise typer.Exit(1)


def _quality(settings: Settings, as_of: str | None, checks: list[Check]) -> "Checkup | None":
    from feature_repo.online_ages import stored_ages
    from retain.quality import checkup, thresholds

    limits = thresholds.load(settings.config)
    given = now() if as_of == "now" else parse_utc(as_of, field="--as-of") if as_of else None
    try:
        require_database(settings)
        return checkup.look(
            settings,
            limits,
            now=now(),
            as_of=given or settings.as_of,
            stored_ages=lambda ids, at: stored_ages(settings, ids, at),
        )
    except NotEnoughData as error:
        nothing = Check("data quality", ok=True, detail=error.message, warning=error.remedy)
        checks.append(nothing)
    except RetainError as error:
        checks.append(Check("data quality", ok=False, detail=error.message, remedy=error.remedy))
    return None


def _worst(checks: list[Check], checkup: "Checkup | None") -> str:
    states = [check.state for check in checks]
    if checkup:
        states.append(checkup.findings.worst())
    return max(states, key=_GRAVITY.index, default="ok")


def _as_json(state: str, checks: list[Check], checkup: "Checkup | None") -> dict[str, Any]:
    return {
        "state": state,
        "checks": [
            {"check": c.check, "ok": c.ok, "state": c.state, "detail": c.detail}
            | ({"warning": c.warning} if c.warning else {})
            | ({"remedy": c.remedy} if c.remedy else {})
            for c in checks
        ],
        "quality": checkup.as_json() if checkup else None,
    }


def _show(check: Check) -> None:
    say(f"{'ok  ' if check.ok else 'FAIL'}  {check.check:<13} {check.detail}")
    if check.warning:
        say(f"warn  {check.check:<13} {check.warning}")
    if check.remedy:
        say(f"{'':<20}remedy: {check.remedy}")
