"""Decision ids: 26 characters that sort by time (github.com/ulid/spec)."""

import os
import secrets
from collections import deque
from datetime import datetime

from retain.clock import from_micros, to_micros

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80
_CHANCE_BYTES = _RANDOM_BITS // 8
_AHEAD = 256
# two characters at a time, of numbers of forty bits: half the steps, and each a short one
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]

# drawn for many ids at once: to ask the system takes longer than all else here
_drawn: deque[bytes] = deque()
os.register_at_fork(after_in_child=_drawn.clear)


def new(at: datetime) -> str:
    """48 bits of milliseconds since the epoch, then 80 random bits, in Crockford's base 32."""
    millis, chance = to_micros(at) // 1000, _chance()
    first, second = int.from_bytes(chance[:5], "big"), int.from_bytes(chance[5:], "big")
    return (
        _PAIRS[millis >> 40]
        + _of_forty_bits(millis)
        + _of_forty_bits(first)
        + _of_forty_bits(second)
    )


def _chance() -> bytes:
    try:
        return _drawn.pop()
    except IndexError:
        drawn = secrets.token_bytes(_AHEAD * _CHANCE_BYTES)
        ends = range(_CHANCE_BYTES, len(drawn), _CHANCE_BYTES)
        _drawn.extend(drawn[end : end + _CHANCE_BYTES] for end in ends)
        return drawn[:_CHANCE_BYTES]


def _of_forty_bits(number: int) -> str:
    """Eight characters: of the lowest forty bits."""
    return (
        _PAIRS[number >> 30 & 1023]
        + _PAIRS[number >> 20 & 1023]
        + _PAIRS[number >> 10 & 1023]
        + _PAIRS[number & 1023]
    )


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
