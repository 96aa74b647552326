"""Decision ids: 26 characters that sort by time (github.com/ulid/spec)."""

import secrets
from datetime import datetime

from retain.clock import to_micros

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80


def new(at: datetime) -> str:
    """48 bits of milliseconds since the epoch, then 80 random bits, in Crockford's base 32."""
    number = (to_micros(at) // 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
