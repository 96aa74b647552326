"""Frames over a socket between two processes of one service: a length, then so many bytes."""

import socket

_LENGTH = 4
_MOST = 1 << 30


def send(to: socket.socket, content: bytes) -> None:
    """Send one frame whole.

    Raises:
        OSError: the other side is gone, or did not take it in time.
    """
    to.sendall(len(content).to_bytes(_LENGTH, "big") + content)


def receive(of: socket.socket) -> bytes | None:
    """The next frame; None where the other side has ended.

    Raises:
        OSError: the connection broke, or nothing came in time.
    """
    head = _exactly(of, _LENGTH)
    if head is None:
        return None
    length = int.from_bytes(head, "big")
    if length > _MOST:
        raise OSError(f"a frame of {length} bytes")
    return _exactly(of, length)


def _exactly(of: socket.socket, length: int) -> bytes | None:
    found = bytearray()
    while len(found) < length:
        more = of.recv(min(length - len(found), 1 << 20))
        if not more:
            return None
        found += more
    return bytes(found)
