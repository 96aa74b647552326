"""What every command shares: the settings of this call, and options spelled once."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from retain.clock import iso, now, parse_utc
from retain.errors import InvalidInput, NotEnoughData
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.eventlog import EventLog

IMPORT = "import some first: retain import PATH --format FORMAT (or run scripts/demo)"
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="ISO 8601; a date means its midnight, UTC."),
]
STALE_AFTER = timedelta(days=30)
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


def moment_of(text: str | None, settings: Settings, log: "EventLog") -> datetime:
    """As :func:`time_of`, for work on history that must reach that moment.

    Raises:
        InvalidInput: no moment was named, and the events ended long ago.
    """
    moment, last = time_of(text, settings), log.last_event_at()
    if text is None and last is not None and moment - last > STALE_AFTER:
        raise InvalidInput(
            f"the last event is of {iso(last)}, more than {STALE_AFTER.days} days ago",
            remedy=f"name the moment: --as-of {iso(last)}",
            field="--as-of",
        )
    return moment


def open_log(settings: Settings) -> "EventLog":
    """The event log of ``settings``."""
    from retain.database import connect
    from retain.eventlog import EventLog

    return EventLog(connect(settings.database_url))


def has_database(settings: Settings) -> bool:
    """Whether there is a database; one that is a file is made by who opens it."""
    file = settings.database_file
    return file is None or file.is_file()


def require_database(
    settings: Settings, *, nothing: str = "no events", first: str = IMPORT
) -> None:
    """What a command only reads from is there.

    Raises:
        NotEnoughData: nothing was ever written to it; it says that there is ``nothing`` and what
            to do ``first``.
    """
    if not has_database(settings):
        raise NotEnoughData(
            f"{settings.home} holds {nothing} yet: there is no {settings.database_file}",
            remedy=f"name another home (--home, RETAIN_HOME), or {first}",
        )


def filled_log(settings: Settings) -> "EventLog":
    """The event log, which must hold something.

    Raises:
        NotEnoughData: nothing was imported yet.
    """
    require_database(settings)
    log = open_log(settings)
    if log.count() == 0:
        raise NotEnoughData(
            f"{settings.home} holds no events yet",
            remedy=IMPORT,
        )
    return log
