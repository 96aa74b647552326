"""Decision ids: 26 characters that sort by time (github.com/ulid/spec)."""

import secrets
from datetime import datetime

from retain.clock import from_micros, to_micros

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80


def new(at: datetime) -> str:
    """48 bits of milliseconds since the epoch, then 80 random bits, in Crockford's base 32."""
    number = (to_micros(at) // 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def made_at(text: str) -> datetime | None:
    """The moment an id was made at, to the millisecond; None where ``text`` is no such id."""
    if len(text) != _LENGTH or not set(text) <= set(_CROCKFORD) or text[0] > "7":
        return None
    number = 0
    for character in text:
        number = number << 5 | _CROCKFORD.index(character)
    try:
        return from_micros((number >> _RANDOM_BITS) * 1000)
    except OverflowError:
        return None
