"""Who may reach a service: whether API keys are asked for, and how often one may ask."""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from retain.errors import InvalidInput

Asked = Literal["auto", "required", "off"]
_MOST = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Access:
    """What guards a service.

    Attributes:
        keys: ``required``, ``off``, or ``auto``: off on loopback while no key was ever made,
            and required everywhere else (``RETAIN_API_KEYS``).
        host: the address it listens on, None where nobody said (``RETAIN_HOST``); then it may
            be any, and is taken for one.
        rate: requests a second of a key that has no limit of its own, None for no limit
            (``RETAIN_RATE_LIMIT``).
        shared_by: how many processes share a key's limit, each having its part
            (``RETAIN_RATE_SHARED_BY``).
    """

    keys: Asked = "auto"
    host: str | None = None
    rate: float | None = None
    shared_by: int = 1

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host is not None and is_loopback(self.host)

    @property
    def required(self) -> bool:
        """Whether it answers nobody without a key, also while there is none."""
        return self.keys == "required" or (self.keys == "auto" and not self.loopback)


IN_PROCESS = Access(keys="off")
"""Of an application that is called and not listened for."""


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address as URLs write it, is this machine alone."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        # RFC 6761: what is below it is no more than it
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def read(environ: Mapping[str, str]) -> Access:
    """The access that ``environ`` asks for.

    Raises:
        InvalidInput: a choice or a number is none of those allowed.
    """
    rate = environ.get("RETAIN_RATE_LIMIT")
    return Access(
        keys=_asked(environ.get("RETAIN_API_KEYS") or "auto"),
        host=environ.get("RETAIN_HOST") or None,
        rate=_number(rate, "RETAIN_RATE_LIMIT", "200") if rate else None,
        shared_by=_whole(environ.get("RETAIN_RATE_SHARED_BY") or "1"),
    )


def _asked(given: str) -> Asked:
    match given:
        case "auto" | "required" | "off":
            return given
    # a word that is not understood must not open anything
    raise InvalidInput(
        f"RETAIN_API_KEYS is {given!r}",
        remedy="write auto, required or off",
        field="RETAIN_API_KEYS",
    )


def _whole(given: str) -> int:
    name = "RETAIN_RATE_SHARED_BY"
    number = _number(given, name, "2")
    if number != int(number):
        raise InvalidInput(f"{given!r} is no number of processes", remedy="2, say", field=name)
    return int(number)


def _number(given: str, name: str, example: str) -> float:
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not 0 < number <= _MOST:
        raise InvalidInput(
            f"{given!r} is no number above 0 and up to {_MOST:,.0f}",
            remedy=f"write it like {example}, or leave it out",
            field=name,
        )
    return number
