"""Reading what stands in a path, a query or a header: bounded, or refused by its name."""

from starlette.requests import Request

from retain.errors import InvalidInput
from services.schemas.base import MAX_ID_LENGTH


def identifier(request: Request, name: str, remedy: str) -> str:
    """An id of the path.

    Raises:
        InvalidInput: it is longer than any.
    """
    given: str = request.path_params[name]
    if len(given) > MAX_ID_LENGTH:
        raise InvalidInput(
            f"the {name} has more than {MAX_ID_LENGTH} characters", remedy=remedy, field=name
        )
    return given


def flag(request: Request, name: str) -> bool:
    """Whether the query says ``true``; without a word it says ``false``.

    Raises:
        InvalidInput: it says something else.
    """
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "false"):
        raise InvalidInput(
            f"{name} is {given!r}", remedy=f"write ?{name}=true or leave it out", field=name
        )
    return given == "true"


def number(request: Request, name: str, most: int) -> int | None:
    """A number of the query from 1 to ``most``, None where there is none.

    Raises:
        InvalidInput: it is no such number.
    """
    given = request.query_params.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        raise InvalidInput(
            f"{name} is {given!r:.60}", remedy=f"write a number from 1 to {most:,}", field=name
        )
    return int(given)


def idempotency_key(request: Request) -> str | None:
    """The caller's ``Idempotency-Key``, None where there is none.

    Raises:
        InvalidInput: it is empty, or longer than any id.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_ID_LENGTH:
        raise InvalidInput(
            "the Idempotency-Key is empty or too long",
            remedy=f"send 1 to {MAX_ID_LENGTH} characters",
            field="Idempotency-Key",
        )
    return key
