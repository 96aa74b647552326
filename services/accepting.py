"""Taking in connections: several in each turn of the event loop, where the library takes one.

libuv accepts one connection a turn. Turns are long where there is much to answer, and then whoever
comes waits behind all that came before: a probe waited for nine seconds while a thousand clients
connected. A socket that is watched several times is accepted from as often; every watch that finds
nothing costs a microsecond.
"""

import socket

from uvicorn.server import Server

AT_A_TIME = 16


class Accepting(Server):
    """uvicorn's server, its sockets watched several times each."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen; sockets that it was given stay the caller's to close."""
        if sockets is not None:
            sockets = [one.dup() for one in sockets for _ in range(AT_A_TIME)]
        await super().startup(sockets)


def install() -> None:
    """Have the framework, which makes the server, make this one."""
    import uvicorn  # noqa: PLC0415 - what is replaced is one of its names

    uvicorn.Server = Accepting  # type: ignore[misc]
