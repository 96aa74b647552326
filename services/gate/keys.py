"""API keys at the gate: a look into a dictionary per request, kept fresh by a thread.

A key is looked up by the SHA-256 of what was presented. How long that takes may tell something
about digests, and a caller cannot choose these: to learn from it, it would have to find texts
with digests of its choice. So nothing has to be compared in constant time.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from threading import Event, Thread

from starlette.types import Scope

from retain import keys
from retain.clock import Clock, now
from retain.keys import Key
from services.gate.visit import Visit
from services.journal import described
from services.operation import Operation
from services.refusals import Forbidden, Unauthorized

REFRESH_SECONDS = 2.0
OPEN = ("/", "/static_content/{name}")
"""What belongs to the documentation, which is open, and is not in it."""
_LONGEST_KEY = 200
_STOP_WITHIN_SECONDS = 5.0
_REMEDY = "send a key in `Authorization: Bearer KEY` or `X-API-Key: KEY`"
log = logging.getLogger("retain.service")


class Keyring:
    """The keys that open something now, as of a few seconds ago.

    A store that is away leaves those there were; what expires meanwhile still expires.

    Args:
        read: every key there ever was.
        required: whether a key is asked for also where there is none; else one is asked for
            from the first that was ever made, also when all of them are revoked.
    """

    def __init__(
        self, read: Callable[[], Sequence[Key]], *, required: bool, clock: Clock = now
    ) -> None:
        self._read = read
        self._clock = clock
        self._known: Sequence[Key] = []
        self._away = False
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="retain-keys", daemon=True)
        self.required = required
        self.good: Mapping[bytes, Key] = {}
        self.by_id: Mapping[str, Key] = {}

    def start(self) -> None:
        """Look at the store now, and every :data:`REFRESH_SECONDS` from now on."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_SECONDS)

    def refresh(self) -> None:
        """Look at the store once; where it does not answer, that is logged."""
        try:
            self._known = self._read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the keys there were still hold
            if not self._away:
                log.warning("API keys stay as they were: %s", described(error))
            self._away = True
        else:
            if self._away:
                log.warning("API keys are read again")
            self._away = False
        moment = self._clock()
        good = [one for one in self._known if one.opens(moment)]
        self.by_id = {one.id: one for one in good}
        self.good = {one.digest: one for one in good}
        self.required = self.required or bool(self._known)

    def _run(self) -> None:
        while not self._stopping.wait(REFRESH_SECONDS):
            self.refresh()


class KeyCheck:
    """Lets a request pass whose key has the scope of the operation; names the key in the visit.

    A request that asks for no operation there is needs a key of any scope. ``limit`` is called
    between the two: what is refused for its scope counts against the key's rate all the same.
    """

    def __init__(
        self,
        ring: Keyring,
        operations: Iterable[Operation],
        limit: Callable[[Scope, Visit], None] = lambda _scope, _visit: None,
    ) -> None:
        self._ring = ring
        self._limit = limit
        self._needed: dict[tuple[str, str], keys.Scope | None] = {}
        for one in operations:
            self._needed[one.method, one.path] = one.scope
            if one.method == "GET":
                self._needed["HEAD", one.path] = one.scope
        self._needed |= {(method, path): None for path in OPEN for method in ("GET", "HEAD")}

    def __call__(self, scope: Scope, visit: Visit) -> None:
        """Check one request.

        Raises:
            Unauthorized: it has no key, or one that opens nothing.
            RateLimited: its key has asked too often.
            Forbidden: its key is not for this.
        """
        ring = self._ring
        if not ring.required:
            return
        asked = (scope["method"], visit.route)
        needed = self._needed.get(asked)
        if needed is None and asked in self._needed:
            return
        presented = _presented(scope["headers"])
        if presented is None:
            raise Unauthorized("no API key came with the request", remedy=_REMEDY)
        key = ring.good.get(sha256(presented).digest())
        if key is None:
            raise Unauthorized("the API key is not known, or not good any more", remedy=_REMEDY)
        visit.key = key.id
        self._limit(scope, visit)
        if needed is not None and not key.may(needed):
            raise Forbidden(
                f"this needs a key with the scope {needed}; {key.id} has "
                f"{', '.join(sorted(key.scopes))}",
                remedy=f"ask for a key made with: retain keys add --scope {needed} --name NAME",
            )


def _presented(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The key in these headers; ``Authorization`` of another scheme is none.

    Who says ``X-API-Key`` does so because ``Authorization`` belongs to somebody in between.
    """
    found: bytes | None = None
    for name, value in headers:
        if name == b"x-api-key":
            found = value.strip()
            break
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            found = value[7:].strip()
    # what is longer is no key, and need not be digested
    return found[:_LONGEST_KEY] if found else None
