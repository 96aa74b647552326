"""The moment a decision is asked for: where the customer is, and what they are doing."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from retain.decisions import context
from retain.decisions.context import ContextChannel, Device, Page
from services.schemas.base import Count, Identifier, Request, or_null

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
MAX_SESSION_SECONDS = 1e7
MAX_CART_VALUE = 1e9
_DAY = re.compile(r"[\dW-]*")


def _local(given: Any) -> Any:
    """Neither a number of seconds nor a day is a wall clock, though both can be read as a time."""
    if isinstance(given, datetime):
        return given
    try:
        if not isinstance(given, str) or _DAY.fullmatch(given):
            raise ValueError  # noqa: TRY301 - told below like any other
        return datetime.fromisoformat(given)
    except ValueError:
        told = f"{given!r:.60} is not an ISO 8601 time; write it like 2026-11-21T20:15:00+09:00"
        raise ValueError(told) from None


LocalTime = Annotated[datetime, BeforeValidator(_local)]


class Place(Request):
    """Where on Earth, or in which shop."""

    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2, e.g. `KR`.")
    region: Identifier | None = Field(
        default=None, description="A state, a county, as you name it."
    )
    store: Identifier | None = Field(
        default=None, description="The shop the customer is in, as you name it."
    )


class Session(Request):
    """What the customer did in this visit so far."""

    source: Identifier | None = Field(
        default=None, description="Where the visit came from: `search`, `newsletter` …"
    )
    views: Count | None = Field(default=None, description="Products looked at in this visit.")
    searches: Count | None = Field(default=None, description="Searches made in this visit.")
    seconds: float | None = Field(
        default=None, ge=0, le=MAX_SESSION_SECONDS, description="Seconds since the visit began."
    )
    cart_items: Count | None = Field(default=None, description="Products in the cart.")
    cart_value: float | None = Field(
        default=None,
        ge=0,
        le=MAX_CART_VALUE,
        description="What the cart holds, in the customer's currency.",
    )


class Context(Request):
    """Where the customer is right now, and what they are doing."""

    channel: ContextChannel | None = Field(
        default=None, description="Where the customer is; a visitor without it is on the `web`."
    )
    device: Device | None = Field(default=None, description="What they hold in their hand.")
    page: Page | None = Field(default=None, description="The kind of page they look at.")
    place: Annotated[Place, or_null(Place)] = Field(
        default=Place(), description="Where on Earth, or in which shop."
    )
    session: Annotated[Session, or_null(Session)] = Field(
        default=Session(), description="What they did in this visit so far."
    )
    local_time: LocalTime | None = Field(
        default=None,
        description="The customer's own wall clock in ISO 8601, with or without an offset. It "
        "tells their time zone, which quiet hours are kept in.",
    )

    def moment(self) -> context.Context:
        """The same as the ranking reads it."""
        return context.Context(
            channel=self.channel,
            device=self.device,
            page=self.page,
            place=context.Place(**self.place.model_dump()),
            session=context.Session(**self.session.model_dump()),
            local_time=self.local_time,
        )
