"""Reading and writing JSON bodies: bounded on the way in, strict on the way out."""

import json
from typing import Any, NoReturn, TypeVar

import msgspec
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.problems import MalformedBody
from services.refusals import BodyTooLarge

MAX_BODY_BYTES = 5_000_000

Model = TypeVar("Model", bound=BaseModel)


async def read(request: Request) -> bytes:
    """The body, refused as soon as it is longer than the limit.

    Raises:
        BodyTooLarge: it is longer than :data:`MAX_BODY_BYTES`.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        _too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def decode(body: bytes, *, halves: bool = False) -> Any:
    """The JSON value in ``body``; NaN and Infinity are not JSON.

    Half a surrogate pair is none either, but with ``halves``.

    Raises:
        MalformedBody: it is none.
    """
    try:
        value = json.loads(body, parse_constant=_no_constant)
        if not halves and b"\\u" in body:
            # half a surrogate pair can be written in JSON, but not stored or sent back
            json.dumps(value, ensure_ascii=False).encode()
        return value  # noqa: TRY300
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        if "integer string" in str(error):
            where = ": it has a number of more digits than are read"
        raise MalformedBody(
            f"the body is not JSON{where}" if body else "the body is empty",
            remedy="send a JSON body; the schema is at /docs",
        ) from None


def events(body: bytes) -> Any:
    """As :func:`decode`; half a surrogate pair costs the event it is in, and not the list.

    Senders that cut texts short send some. Each text of an event is looked at by itself.
    """
    return decode(body, halves=True)


def parse(model: type[Model], body: bytes) -> Model:
    """``body`` as ``model``.

    Raises:
        MalformedBody: it is not JSON.
        pydantic.ValidationError: it is JSON of another shape.
    """
    return model.model_validate(decode(body))


def encode(answer: Any) -> bytes:
    """``answer`` as JSON; a NaN in it is a bug and raises."""
    told = json.dumps(answer, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # half a surrogate pair, in the name of what was not taken, is told as it can be written
    return told.encode(errors="backslashreplace")


def encode_scores(answer: Any) -> bytes:
    """As :func:`encode`, five times as fast; what is no number is null."""
    return msgspec.json.encode(answer)


def json_response(answer: Any, status: int = 200) -> Response:
    """``answer`` as a JSON response."""
    return Response(encode(answer), status_code=status, media_type="application/json")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _too_large() -> NoReturn:
    raise BodyTooLarge(
        f"the body is longer than {MAX_BODY_BYTES:,} bytes",
        remedy="send it in smaller parts",
    )
