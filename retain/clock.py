"""UTC times, and the clock a process answers by."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from retain.errors import InvalidInput

Clock = Callable[[], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_PER_DAY = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    """The real time, in UTC."""
    return datetime.now(UTC)


def pinned(at: datetime) -> Clock:
    """A clock that always says ``at``."""
    return lambda: at


def parse_utc(text: str, *, field: str) -> datetime:
    """ISO 8601 to an aware UTC datetime; a time without zone is taken as UTC.

    Raises:
        InvalidInput: ``text`` is not an ISO 8601 date or time, or one that in UTC is before the
            year 1 or after 9999.
    """
    try:
        value = datetime.fromisoformat(text)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r} is not an ISO 8601 time",
            remedy="write it like 2026-11-21T20:00:00Z or 2026-11-21",
            field=field,
        ) from None


def to_micros(at: datetime) -> int:
    """Microseconds since the epoch, exactly (no float in between)."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime ``micros`` microseconds after the epoch."""
    return EPOCH + timedelta(0, 0, micros)


def iso(at: datetime) -> str:
    """``2026-11-21T20:00:00Z``, with microseconds only where there are any."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat()[:-6] + "Z"
