"""Who may ask where no key is asked for, because only this machine reaches the service.

A browser on this machine reaches it too, for every page that is open in it: what such a page
sends carries the page's own origin, or, where its name was made to lead here, that name (DNS
rebinding). Neither is this machine.
"""

import re
from collections.abc import Iterable

from starlette.types import Scope

from retain.access import is_loopback
from services.gate.keys import OPEN, Keyring
from services.gate.visit import Visit
from services.operation import Operation
from services.refusals import Forbidden

_NAMES_HOST = frozenset({b"host", b"origin"})
_PORT = re.compile(rb":\d*\Z")
_SCHEME = re.compile(rb"https?://")
_MOST_KNOWN = 256
_REMEDY = (
    "ask for 127.0.0.1 or localhost from this machine; for others make a key (retain keys add "
    "--scope score --name NAME), or say that something else guards it: RETAIN_API_KEYS=off"
)


class LocalCheck:
    """Lets a request pass that comes from this machine, as long as no key is asked for.

    It is one whose ``Host`` and ``Origin`` name the loopback, and of which no browser says that
    another site makes it (Fetch Metadata, W3C). Where none of it is said nobody browses. What is
    open where keys are asked for is open here.
    """

    def __init__(self, ring: Keyring, operations: Iterable[Operation]) -> None:
        self._ring = ring
        self._open = {*OPEN, *(one.path for one in operations if one.scope is None)}
        self._ours: set[bytes] = set()

    def __call__(self, scope: Scope, visit: Visit) -> None:
        """Check one request.

        Raises:
            Forbidden: it is for another host, or a page of another site makes it.
        """
        if self._ring.required or visit.route in self._open:
            return
        for name, value in scope["headers"]:
            if name in _NAMES_HOST:
                if value not in self._ours and not self._is_ours(name, value):
                    told = value.decode("latin-1")
                    raise Forbidden(
                        f"without a key this service answers its own machine, not {told!r:.60}",
                        remedy=_REMEDY,
                        field=name.decode().title(),
                    )
            elif name == b"sec-fetch-site" and value == b"cross-site":
                raise Forbidden(
                    "without a key this service answers no page of another site",
                    remedy=_REMEDY,
                    field="Sec-Fetch-Site",
                )

    def _is_ours(self, name: bytes, value: bytes) -> bool:
        rest = value if name == b"host" else _SCHEME.sub(b"", value, count=1)
        if not is_loopback(_PORT.sub(b"", rest).decode("latin-1")):
            return False
        # ports are many, and who asks chooses them
        if len(self._ours) < _MOST_KNOWN:
            self._ours.add(value)
        return True
