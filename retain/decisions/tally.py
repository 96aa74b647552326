"""The tally of one customer's contacts: how long ago each was, under everything it counts for."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from retain.decisions.catalogues import Catalogue
from retain.decisions.constraints import Cap
from retain.decisions.state import Contact

Key = tuple[str, str]
"""What is counted, and of which channel, tag or action; :data:`CONTACTS` is across all."""

CONTACTS: Key = ("contacts", "")
_NOW = timedelta(0)


class Tally:
    """Ages of contacts by key; negative ones are planned.

    A contact of which nothing is reported counts as made this minute until it expires, for
    until then it may be. After that silence means that it was made when it was to be, or
    where the sender reports everything, that it was not made.
    """

    def __init__(self, catalogue: Catalogue, contacts: Sequence[Contact], now: datetime) -> None:
        self._catalogue = catalogue
        self._now = now
        self._reporting = frozenset(catalogue.config.reporting.channels)
        self._late = timedelta(hours=catalogue.config.reporting.within_hours)
        self._ages: defaultdict[Key, list[timedelta]] = defaultdict(list)
        self._by_action: defaultdict[str, list[Contact]] = defaultdict(list)
        for contact in contacts:
            if contact.action_id is not None:
                self._by_action[contact.action_id].append(contact)
            if (age := self.age(contact)) is not None:
                for key in self._keys(contact):
                    self._ages[key].append(age)

    def age(self, contact: Contact) -> timedelta | None:
        """How long ago it was made at the latest; None where it was not."""
        if contact.released:
            return None
        age = self._now - contact.at
        if contact.reported or contact.expires_at is None:
            return age
        reports = contact.channel in self._reporting
        if self._now < (contact.expires_at + self._late if reports else contact.expires_at):
            return min(age, _NOW)
        return None if reports else age

    def counts(self, contact: Contact) -> bool:
        """Whether it was made, is planned, or may be made."""
        return self.age(contact) is not None

    def remembered(self, action_id: str) -> Sequence[Contact]:
        """The contacts of an action, released ones too."""
        return self._by_action.get(action_id, ())

    def ages(self, key: Key) -> Sequence[timedelta]:
        """How long ago what counts under ``key`` was made."""
        return self._ages.get(key, ())

    def count(self, key: Key, window: timedelta) -> int:
        """How many are later than the beginning of the ``window`` that ends now."""
        ages = self._ages.get(key)
        return sum([age < window for age in ages]) if ages else 0

    def full(self, key: Key, caps: Sequence[Cap]) -> bool:
        """Whether one of ``caps`` leaves no room for another."""
        held = len(self._ages.get(key, ()))
        return any(held >= cap.limit and self.count(key, cap.window) >= cap.limit for cap in caps)

    def _keys(self, contact: Contact) -> list[Key]:
        action = self._catalogue.by_id.get(contact.action_id or "")
        keys: list[Key] = [("action", contact.action_id)] if contact.action_id else []
        if action is not None and action.transactional:
            return keys
        if contact.channel:
            keys.append(("channel", contact.channel))
        if action is None or action.is_contact:
            keys.append(CONTACTS)
        if action is not None:
            keys += [("tag", tag) for tag in action.tags]
        return keys
