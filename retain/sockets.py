"""The sockets of a database's connections, to end waits that nothing else would end."""

import os
import socket
from contextlib import suppress
from threading import Lock
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event


class Sockets:
    """Those of every open connection of some engines on psycopg.

    A server that is stopped keeps its connections, acknowledges what is sent, and says nothing:
    neither its own time limits nor those of TCP end a wait for it. A socket that is shut does.
    """

    def __init__(self) -> None:
        self._open: WeakSet[Any] = WeakSet()
        self._lock = Lock()

    def watch(self, engine: Engine) -> None:
        """Know the connections that ``engine`` makes from now on."""
        event.listen(engine, "connect", self._made)

    def shut(self) -> int:
        """Fail every question that is under way, and the next one of every idle connection.

        Returns how many connections there were.
        """
        with self._lock:
            found = list(self._open)
        return sum(_shut(one) for one in found)

    def _made(self, connection: Any, _record: Any) -> None:
        with self._lock:
            self._open.add(connection)


def _shut(connection: Any) -> bool:
    with suppress(Exception):  # closed meanwhile, by itself or by who uses it
        number = connection.pgconn.socket
        with socket.socket(fileno=os.dup(number)) as own:
            # closed before it was copied, the number could be that of another one
            if connection.pgconn.socket == number:
                own.shutdown(socket.SHUT_RDWR)
                return True
    return False
