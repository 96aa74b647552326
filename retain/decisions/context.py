"""What a live request says about the moment it is made in."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cached_property
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from retain.columns import CONTEXT
from retain.errors import InvalidInput

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

Device = Literal["mobile", "tablet", "desktop", "tv", "watch", "kiosk", "voice", "other"]
Page = Literal[
    "home",
    "category",
    "product",
    "search",
    "cart",
    "checkout",
    "confirmation",
    "account",
    "support",
    "content",
    "other",
]

LIVE_SURFACES = {"web": frozenset({"web"}), "in_app": frozenset({"app", "in_app"})}
"""Channels that need the customer to be there, and the context channels that say so."""

_FURTHEST = timedelta(hours=14, minutes=15)
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on Earth, or in which shop."""

    country: str | None = None
    region: str | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What the customer did in this visit so far.

    Attributes:
        source: where the visit came from: search, social, a newsletter, …
        views: products looked at.
        searches: searches made.
        seconds: since it began.
        cart_items, cart_value: what the cart holds, the value in the customer's currency.
    """

    source: str | None = None
    views: float | None = None
    searches: float | None = None
    seconds: float | None = None
    cart_items: float | None = None
    cart_value: float | None = None


@dataclass(frozen=True)
class Context:
    """The moment of a ``/rank`` request; in batch nothing is known of it.

    Attributes:
        channel: where the customer is: web, app, email, store, call, …
        device: what they hold in their hand.
        page: the kind of page they look at.
        place: where they are.
        session: what they did in this visit.
        local_time: the customer's own time, logged as it was given.
        assumed: of these, what nobody said.
    """

    channel: ContextChannel | None = None
    device: Device | None = None
    page: Page | None = None
    place: Place = Place()
    session: Session = Session()
    local_time: datetime | None = None
    assumed: tuple[str, ...] = ()

    def of_visitor(self) -> "Context":
        """The same of an anonymous visitor, who is on the web unless the request says otherwise.

        An id without a customer is a browser's; an app says ``channel: app``.
        """
        if self.channel is not None:
            return self
        return replace(self, channel="web", assumed=("channel",))

    def columns(self, rows: int) -> dict[str, NDArray[Any]]:
        """The columns of :data:`retain.columns.CONTEXT`, which rules and models read."""
        if self == NOWHERE and rows == 1:
            return _NOTHING_KNOWN
        return _arrays(self._given, rows)

    def put(self, known: dict[str, Any]) -> None:
        """Put the same into plain values of one row, where nothing is there of it."""
        if self is NOWHERE:
            return
        for name, value in self._given.items():
            if value is not None:
                known[name] = float(value) if CONTEXT[name] == "number" else value

    def zone(self, now: datetime) -> tzinfo | None:
        """The customer's time zone at ``now`` as their own time tells it; None without it.

        An offset that was given; else the difference to ``now`` in whole quarters of an hour,
        which is as finely as zones are set.

        Raises:
            InvalidInput: it is this time, or its offset, nowhere on Earth.
        """
        local = self.local_time
        if local is None:
            return None
        offset = local.utcoffset()
        if offset is None:
            ahead = local - now.astimezone(UTC).replace(tzinfo=None)
            if abs(ahead) > _FURTHEST:
                _refuse(local, f"nowhere on Earth while it is {now:%Y-%m-%d %H:%M} UTC")
            return timezone(round(ahead / _QUARTER) * _QUARTER)
        if abs(offset) > _FURTHEST:
            _refuse(local, "at an offset that there is nowhere on Earth")
        # of a clock that says where it stands only that is used, however wrong it goes
        return timezone(offset)

    def as_json(self) -> dict[str, Any]:
        """What was given, for the receipt, and which part of it was assumed."""
        if self is NOWHERE:
            return {}
        told: dict[str, Any] = {}
        for name in ("channel", "device", "page"):
            told[name] = getattr(self, name)
        for name, part in (("place", self.place), ("session", self.session)):
            known = {each.name: getattr(part, each.name) for each in fields(part)}
            told[name] = {name: value for name, value in known.items() if value is not None} or None
        told["local_time"] = None if self.local_time is None else self.local_time.isoformat()
        told["assumed"] = list(self.assumed) or None
        return {name: value for name, value in told.items() if value is not None}

    @cached_property
    def _given(self) -> dict[str, Any]:
        local, place, session = self.local_time, self.place, self.session
        return {
            "context_channel": self.channel,
            "context_device": self.device,
            "context_page": self.page,
            "context_country": place.country,
            "context_region": place.region,
            "context_store": place.store,
            "context_source": session.source,
            "context_views": session.views,
            "context_searches": session.searches,
            "context_seconds": session.seconds,
            "context_cart_items": session.cart_items,
            "context_cart_value": session.cart_value,
            "context_hour": None if local is None else local.hour,
            "context_weekday": None if local is None else local.isoweekday(),
        }


def _refuse(local: datetime, why: str) -> NoReturn:
    raise InvalidInput(
        f"context.local_time is {local.isoformat()}: {why}",
        remedy="give the customer's own time of this moment with its offset, or leave it out",
        field="context.local_time",
    )


def _arrays(given: dict[str, Any], rows: int) -> dict[str, NDArray[Any]]:
    return {
        name: np.full(rows, given[name], dtype=np.float64 if kind == "number" else object)
        for name, kind in CONTEXT.items()
    }


NOWHERE = Context()
_NOTHING_KNOWN = _arrays(dict.fromkeys(CONTEXT), 1)
