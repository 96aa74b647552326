"""Rate limits at the gate: a token bucket per API key, in this process alone.

Processes do not tell each other what they admitted: each has its part of a key's limit.
"""

from math import ceil

from starlette.types import Scope

from services.gate.keys import Keyring
from services.gate.visit import Visit
from services.refusals import RateLimited

_FOR_SECONDS = 1.0
_WHOLE = 1.0 - 1e-6
"""Who comes back to the moment must not be refused for a rounding."""


class Bucket:
    """A token bucket: ``rate`` tokens a second, and as many at once as one second has.

    Turner, "New directions in communications", 1986; as in RFC 2697. Times are seconds of one
    clock that does not go back.
    """

    __slots__ = ("_at", "_full", "_rate", "_tokens")

    def __init__(self, rate: float, at: float) -> None:
        self._rate = rate
        self._full = max(1.0, rate * _FOR_SECONDS)
        self._tokens = self._full
        self._at = at

    def take(self, at: float) -> float:
        """Take a token; 0, or the seconds until there is one."""
        tokens = self._tokens + (at - self._at) * self._rate
        tokens = min(tokens, self._full)
        self._at = at
        if tokens >= _WHOLE:
            self._tokens = tokens - 1.0
            return 0.0
        self._tokens = tokens
        return (1.0 - tokens) / self._rate


class RateCheck:
    """Lets a request pass whose key has a token left; without a key there is no limit.

    Args:
        ring: whose keys say their rates.
        rate: requests a second of a key that says none; None is no limit.
        shared_by: how many processes share each limit.
    """

    def __init__(self, ring: Keyring, rate: float | None, shared_by: int) -> None:
        self._ring = ring
        self._rate = rate
        self._shared_by = shared_by
        self._buckets: dict[str, Bucket | None] = {}

    def __call__(self, _scope: Scope, visit: Visit) -> None:
        """Check one request.

        Raises:
            RateLimited: its key has asked too often.
        """
        key = visit.key
        if key is None:
            return
        try:
            bucket = self._buckets[key]
        except KeyError:
            bucket = self._new(key, visit.started)
        if bucket is not None and (wait := bucket.take(visit.started)):
            raise RateLimited(
                f"the key {key} asks more often than its rate allows",
                remedy="wait for the seconds in Retry-After, or ask for a key with a higher rate",
                retry_after_ms=ceil(wait * 1_000),
            )

    def _new(self, key_id: str, at: float) -> Bucket | None:
        key = self._ring.by_id.get(key_id)
        rate = self._rate if key is None or key.rate is None else key.rate
        bucket = None if rate is None else Bucket(rate / self._shared_by, at)
        self._buckets[key_id] = bucket
        return bucket
