"""The body of ``POST /rank``, read without a model of it where it is one of the common ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec

from retain.decisions import context
from retain.decisions.context import ContextChannel, Device, Page
from services import bodies
from services.answers import Json
from services.schemas.base import MAX_ACTIONS, MAX_COUNT, MAX_ID_LENGTH
from services.schemas.moment import MAX_CART_VALUE, MAX_SESSION_SECONDS
from services.schemas.ranking import RankRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision that is asked for.

    Attributes:
        customer_id, anonymous_id: whom for; one of the two.
        moment: what the request says of the moment it is made in.
        limit: at most so many actions are answered.
        receipt: whether the receipt is answered too.
        told: the request as JSON, without what only changes how it is answered: two are the
            same request where this is equal.
    """

    customer_id: str | None
    anonymous_id: str | None
    moment: context.Context
    limit: int
    receipt: bool
    told: Json


def decoded(body: bytes) -> Asked:
    """The request in ``body``.

    Raises:
        MalformedBody: it is not JSON.
        pydantic.ValidationError: it is JSON of another shape.
        InvalidInput: neither a customer nor a visitor is named, or both are.
    """
    return _common(body) or of(bodies.parse(RankRequest, body))


def of(request: RankRequest) -> Asked:
    """The same of a request that was read already; raises InvalidInput as :func:`decoded`."""
    request.check()
    return Asked(
        request.customer_id,
        request.anonymous_id,
        request.context.moment(),
        request.limit,
        request.receipt,
        request.model_dump(mode="json", exclude={"receipt"}),
    )


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)] | None
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)] | None


class _Place(msgspec.Struct, forbid_unknown_fields=True):
    # a dollar would let a line end pass
    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")] | None = None
    region: _Id = None
    store: _Id = None


class _Session(msgspec.Struct, forbid_unknown_fields=True):
    source: _Id = None
    views: _Count = None
    searches: _Count = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=MAX_SESSION_SECONDS)] | None = None
    cart_items: _Count = None
    cart_value: Annotated[float, msgspec.Meta(ge=0, le=MAX_CART_VALUE)] | None = None


class _Context(msgspec.Struct, forbid_unknown_fields=True):
    channel: ContextChannel | None = None
    device: Device | None = None
    page: Page | None = None
    place: _Place | None = None
    session: _Session | None = None
    # a wall clock can be written in many ways, and most requests have none
    local_time: None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The bodies that are read here; :class:`RankRequest` describes all there are."""

    customer_id: _Id = None
    anonymous_id: _Id = None
    context: _Context | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_ACTIONS)] = 3
    receipt: bool = False


_DECODE: Callable[[bytes], _Body] = msgspec.json.Decoder(_Body).decode
_NO_CONTEXT, _NO_PLACE, _NO_SESSION = _Context(), _Place(), _Session()


def _common(body: bytes) -> Asked | None:
    # what is escaped may be what no store takes
    if b"\\u" in body:
        return None
    try:
        read = _DECODE(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # whatever is wrong with it is told where everything can be said
        return None
    if (read.customer_id is None) == (read.anonymous_id is None):
        return None
    said = read.context or _NO_CONTEXT
    place = msgspec.structs.asdict(said.place or _NO_PLACE)
    session = msgspec.structs.asdict(said.session or _NO_SESSION)
    named = {"channel": said.channel, "device": said.device, "page": said.page}
    moment = context.NOWHERE
    if read.context is not None:
        moment = context.Context(
            said.channel,
            said.device,
            said.page,
            context.Place(**place),
            context.Session(**session),
        )
    return Asked(
        read.customer_id,
        read.anonymous_id,
        moment,
        read.limit,
        read.receipt,
        {
            "customer_id": read.customer_id,
            "anonymous_id": read.anonymous_id,
            "context": {**named, "place": place, "session": session, "local_time": None},
            "limit": read.limit,
        },
    )
