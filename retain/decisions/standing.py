"""Where a customer stands with the limits, as receipts keep it and show it."""

from typing import Any

import msgspec


class DeclaredCaps(msgspec.Struct, array_like=True, frozen=True):
    """The caps of a catalogue.

    Attributes:
        caps: what each counts, its limit and its days.
        always: so many of them are told of in any case, the others where anything counts.
        contact_cap: whether the first of them is across all contacts.
    """

    caps: list[tuple[str, int, float]]
    always: int
    contact_cap: bool


class Standing(msgspec.Struct, array_like=True, frozen=True):
    """Where one customer stands.

    Attributes:
        made: places of caps, each before how many contacts count for it; else none does.
    """

    own_limit_per_week: float | None
    suppressed_channels: list[str]
    control_group: bool
    made: list[int]
    budgets: list[dict[str, Any]]

    def as_json(self, declared: DeclaredCaps) -> dict[str, Any]:
        """A receipt's ``caps``."""
        made = dict(zip(self.made[::2], self.made[1::2], strict=True))
        stands = [
            {"of": of, "made": made.get(place, 0), "limit": limit, "days": days}
            for place, (of, limit, days) in enumerate(declared.caps)
            if place < declared.always or place in made
        ]
        return {
            "contacts": {name: value for name, value in stands[0].items() if name != "of"}
            if declared.contact_cap
            else None,
            "own_limit_per_week": self.own_limit_per_week,
            "suppressed_channels": self.suppressed_channels,
            "control_group": self.control_group,
            "caps": stands,
            "budgets": self.budgets,
        }
