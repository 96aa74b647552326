"""What a live request says about the moment it is made in."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

ContextChannel = Literal[
    "web",
    "app",
    "in_app",
    "email",
    "sms",
    "push",
    "ads",
    "call",
    "chat",
    "social",
    "phone",
    "store",
    "none",
]
"""Every channel of the action catalogue, and where else events say that customers are."""

LIVE_SURFACES = {"web": frozenset({"web"}), "in_app": frozenset({"app", "in_app"})}
"""Channels that need the customer to be there, and the context channels that say so."""


@dataclass(frozen=True, slots=True)
class Context:
    """The moment of a ``/rank`` request; in batch nothing is known of it.

    Attributes:
        channel: where the customer is: web, app, email, store, call, …
        device: mobile, desktop, …
        page: kind of page: home, category, product, search, cart, checkout, …
        local_time: the customer's own time, logged as it was given.
    """

    channel: ContextChannel | None = None
    device: str | None = None
    page: str | None = None
    local_time: datetime | None = None

    def columns(self, rows: int) -> dict[str, NDArray[Any]]:
        """The columns rules read: ``context_channel``, ``context_device``, ``context_page``."""
        given = {
            "context_channel": self.channel,
            "context_device": self.device,
            "context_page": self.page,
        }
        return {name: np.full(rows, value, dtype=object) for name, value in given.items()}

    def as_json(self) -> dict[str, str]:
        """What was given, for the receipt."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in asdict(self).items()
            if value is not None
        }
