"""Why a record is not an event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that is not an event, with a countable ``reason`` and a sentence."""

    reason: str
    detail: str
    event_id: str | None = None


class Refused(ValueError):
    """Raised while a record is read; :func:`retain.event.read_event` makes it a SetAside."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
