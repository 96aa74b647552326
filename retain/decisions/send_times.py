"""When to send: now, or the likeliest hour of the customer, outside quiet hours where they live."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from retain.decisions.actions import Action, ActionConfig
from retain.decisions.hours import ACTIVE, RESPONSIVE, Habits, hour_of_week
from retain.rule_rows import Known

_DAY = 24
_AHEAD = [timedelta(hours=hours) for hours in range(_DAY)]


class SendTimes:
    """Send times of one customer as of one moment; equal questions are answered once.

    Args:
        config: quiet hours, and what holds where the customer's own is not known.
        habits: of the base.
        row: the customer's time zone and hours.
        now: the moment.
        zone: where the customer is now, if the request says so; it goes before all else.
    """

    def __init__(
        self,
        config: ActionConfig,
        habits: Habits,
        row: Known,
        now: datetime,
        zone: tzinfo | None = None,
    ) -> None:
        self._config = config
        self._habits = habits
        self._row = row
        self._now = now.astimezone(UTC)
        self._given = zone
        self._known: dict[tuple[str, bool], datetime] = {}

    def send_at(self, action: Action) -> datetime:
        """The UTC time to carry out ``action``."""
        if action.is_live or not action.is_contact:
            return self._now
        question = (action.send, action.respects_quiet_hours)
        answer = self._known.get(question)
        if answer is None:
            answer = self._known[question] = self._answer(*question)
        return answer

    def _answer(self, send: str, quietly: bool) -> datetime:
        zone, quiet = self._zone(), self._config.quiet_hours
        at = self._now if send == "at_once" else self._likeliest(zone, quietly=quietly)
        if quietly and quiet.by_hour[(local := at.astimezone(zone)).hour]:
            at = _next(local, quiet.end)
        return at.astimezone(UTC)

    def _zone(self) -> tzinfo:
        return self._given or zone_named(self._row["time_zone"]) or self._config.zone

    def _likeliest(self, zone: tzinfo, *, quietly: bool) -> datetime:
        """The best hour of the next 24: by the customer's habits, else the catalogue's hour."""
        start = self._now.replace(minute=0, second=0, microsecond=0)
        local, quiet = 0, None
        if quietly:
            # what a change of the clocks moves into quiet hours is moved out of them afterwards
            local, quiet = start.astimezone(zone).hour, self._config.quiet_hours.by_hour
        row = self._row
        best = self._habits.best(row[ACTIVE], row[RESPONSIVE], hour_of_week(start), quiet, local)
        if best is None:
            return self._usual(zone)
        return start + _AHEAD[best] if best else self._now

    def _usual(self, zone: tzinfo) -> datetime:
        hour = self._row["usual_order_hour"]
        if 0 <= hour < _DAY:
            return _next(self._now, int(hour))
        return _next(self._now.astimezone(zone), self._config.usual_hour)


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
