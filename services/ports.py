"""Ports that somebody may listen on already."""

import socket

from retain.errors import Conflict, InvalidInput


def require_free(port: int, host: str = "127.0.0.1") -> None:
    """Check that nobody listens on ``port`` of ``host``.

    Raises:
        Conflict: somebody does, or this user may not.
        InvalidInput: ``host`` is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise Conflict(
                f"port {port} is not for this user", remedy="choose one above 1023: --port 3000"
            ) from None
        except OSError as error:
            if not _is_here(host):
                raise InvalidInput(
                    f"{host!r} is no address of this machine: {error.strerror}",
                    remedy="--host 127.0.0.1 listens for this machine, 0.0.0.0 for all",
                    field="--host",
                ) from None
            raise Conflict(
                f"port {port} is taken, perhaps by a service that still runs",
                remedy=f"stop it, or choose another: --port {port + 1}",
            ) from None


def _is_here(host: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
