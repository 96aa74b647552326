"""Exclusions: actions that may not come soon after another, or repeat what was seen elsewhere."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from retain.decisions.actions import Action
from retain.decisions.catalogues import Catalogue
from retain.decisions.tally import Tally

EXCLUSION = "exclusion"
SEEN_ELSEWHERE = "seen_elsewhere"


class Exclusions:
    """The groups of one catalogue that exclude each other, and its messages by channel."""

    def __init__(self, catalogue: Catalogue) -> None:
        config = catalogue.config
        self._repeats = config.repeats
        self._seen_for = timedelta(days=config.repeats.days)
        self._may_be_seen_for = timedelta(hours=config.repeats.unreported_hours)
        self._groups: Mapping[str, list[tuple[str, timedelta]]] = {
            action.id: [
                (other, timedelta(days=group.days))
                for group in config.exclusions.values()
                if action.id in (members := config.members(group))
                for other in members
                if other != action.id
            ]
            for action in catalogue.actions
        }
        self._elsewhere: Mapping[str, list[str]] = {
            action.id: [
                other.id
                for other in catalogue.actions
                if action.message is not None
                and other.message == action.message
                and other.channel != action.channel
            ]
            for action in catalogue.actions
        }

    def forbid(self, action: Action, tally: Tally, now: datetime) -> str | None:
        """Why what was done forbids ``action`` now, or None."""
        for other, window in self._groups[action.id]:
            if tally.count(("action", other), window):
                return EXCLUSION
        for other in self._elsewhere[action.id]:
            if self._seen(other, tally, now):
                return SEEN_ELSEWHERE
        return None

    def _seen(self, action_id: str, tally: Tally, now: datetime) -> bool:
        for contact in tally.remembered(action_id):
            age = tally.age(contact)
            if age is None:
                continue
            # not this minute, but since it was sent: silence ends the wait
            if now - contact.at < self._may_be_seen_for:
                return True
            times = (contact.happened(outcome) for outcome in self._repeats.seen)
            if any(at is not None and now - at < self._seen_for for at in times):
                return True
        return False
