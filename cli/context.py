"""What every command shares: the settings of this call, and options spelled once."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from retain.clock import now, parse_utc
from retain.errors import NotEnoughData
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.eventlog import EventLog

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="ISO 8601; a date means its midnight, UTC."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


def settings_of(context: typer.Context) -> Settings:
    """The settings this call was made with."""
    settings: Settings = context.obj
    return settings


def time_of(text: str | None, settings: Settings) -> datetime:
    """``--as-of`` as given, else the pinned clock's time, else now.

    Raises:
        InvalidInput: ``text`` is not an ISO 8601 time.
    """
    if text is not None:
        return parse_utc(text, field="--as-of")
    return settings.as_of or now()


def open_log(settings: Settings) -> "EventLog":
    """The event log of ``settings``."""
    from retain.database import connect
    from retain.eventlog import EventLog

    return EventLog(connect(settings.database_url))


def filled_log(settings: Settings) -> "EventLog":
    """The event log, which must hold something.

    Raises:
        NotEnoughData: nothing was imported yet.
    """
    log = open_log(settings)
    if log.count() == 0:
        raise NotEnoughData(
            f"{settings.home} holds no events yet",
            remedy="import some first: retain import PATH --format FORMAT (or run scripts/demo)",
        )
    return log
