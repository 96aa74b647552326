"""The end of listening: whom a service no longer answers is not let in, and nobody in between."""

import ctypes
import socket
import struct
from contextlib import suppress

ACCEPTS_SECONDS = 0.3
"""So long workers still take in who was connected when it closed."""
REFUSES_SECONDS = 1.0
"""After so long no worker listens any more."""
_SO_ATTACH_FILTER = 26
_DROP_EVERYTHING = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF: return 0


def close_door(listening: socket.socket) -> None:
    """Let nobody connect any more, while who has connected can still be accepted.

    A socket that is only closed resets those that the system has let in and no worker accepted
    yet. With a filter that drops what comes to it (``SO_ATTACH_FILTER`` in
    https://man7.org/linux/man-pages/man7/socket.7.html) the system lets in nobody. Elsewhere than
    on Linux nothing happens.
    """
    program = ctypes.create_string_buffer(_DROP_EVERYTHING)
    told = struct.pack("HL", 1, ctypes.addressof(program))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, told)


def refuse(listening: socket.socket) -> None:
    """Have the system refuse who tries to connect; for every process that has this socket."""
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
