"""When to send: now, or the customer's usual hour, outside the quiet hours where they live."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from retain.decisions.actions import Action, ActionConfig


class SendTimes:
    """Send times as of one moment; equal questions are answered once."""

    def __init__(self, config: ActionConfig, now: datetime) -> None:
        self._config = config
        self._now = now.astimezone(UTC)
        self._known: dict[tuple[object, ...], datetime] = {}

    def send_at(self, action: Action, time_zone: str | None, usual_hour: float) -> datetime:
        """The UTC time to carry out ``action``.

        Args:
            action: what is to be done.
            time_zone: IANA name; where it is None or no such zone, the catalogue's default.
            usual_hour: UTC hour of the day at which the customer usually orders, or NaN.
        """
        if action.is_live or not action.is_contact:
            return self._now
        hour = int(usual_hour) if 0 <= usual_hour < 24 else None
        question = (action.send, action.respects_quiet_hours, time_zone, hour)
        answer = self._known.get(question)
        if answer is None:
            answer = self._known[question] = self._answer(action, time_zone, hour)
        return answer

    def _answer(self, action: Action, time_zone: str | None, hour: int | None) -> datetime:
        zone = zone_named(time_zone) or ZoneInfo(self._config.time_zone)
        if action.send == "at_once":
            at = self._now
        elif hour is None:
            at = _next(self._now.astimezone(zone), self._config.usual_hour)
        else:
            at = _next(self._now, hour)
        local = at.astimezone(zone)
        if action.respects_quiet_hours and self._config.quiet_hours.cover(local.hour):
            at = _next(local, self._config.quiet_hours.end)
        return at.astimezone(UTC)


@cache
def zone_named(name: str | None) -> ZoneInfo | None:
    """The IANA zone ``name``, or None where there is none of this name."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def _next(at: datetime, hour: int) -> datetime:
    """``at`` itself within that hour, else the next time it strikes ``hour``."""
    if at.hour == hour:
        return at
    struck = at.replace(hour=hour, minute=0, second=0, microsecond=0)
    return struck if struck > at else struck + timedelta(days=1)
