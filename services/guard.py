"""Whether a service asks for API keys, said and seen to when it starts."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from retain.access import Access
from retain.clock import now
from retain.errors import InvalidInput
from retain.keys import Keys
from services.gate.gate import Check
from services.gate.keys import KeyCheck, Keyring
from services.gate.local import LocalCheck
from services.gate.rates import RateCheck

log = logging.getLogger("retain.service")


@dataclass(frozen=True, slots=True)
class Guard:
    """The checks of a service, and how to end what keeps them up to date."""

    checks: tuple[Check, ...]
    close: Callable[[], None]


def guard(engine: Engine, access: Access) -> Guard:
    """Checks of keys and rates over the keys in ``engine``; none where keys are off.

    A real clock judges keys, also where the service answers as of another moment.
    """
    if access.keys == "off":
        return Guard((), partial(lambda: None))
    # they lead to LightGBM, which the parent that only requires keys is spared
    from services.operations import OPERATIONS  # noqa: PLC0415

    ring = Keyring(Keys(engine).all, required=access.required)
    ring.start()
    limits = RateCheck(ring, access.rate, access.shared_by)
    return Guard((LocalCheck(ring, OPERATIONS), KeyCheck(ring, OPERATIONS, limits)), ring.stop)


def require(engine: Engine, access: Access) -> None:
    """Say how the service is guarded; refuse where it would answer nobody.

    Raises:
        InvalidInput: keys are required and there is none that opens anything.
        StoreUnavailable: the store did not answer.
    """
    if access.keys == "off":
        where = "" if access.loopback else ", and other machines may reach it"
        log.warning("API keys are off (RETAIN_API_KEYS=off)%s", where)
        return
    known = Keys(engine).all()
    if not access.required and not known:
        log.warning(
            "API keys are off: only this machine reaches %s, and no key was ever made", access.host
        )
        return
    good = sum(one.opens(now()) for one in known)
    if not good:
        reached = "the address it listens on is not said" if access.host is None else access.host
        raise InvalidInput(
            "API keys are required, and none is good "
            f"({'RETAIN_API_KEYS=required' if access.keys == 'required' else reached})",
            remedy="make one: retain keys add --scope score --name crm; or ask for none, where "
            "something else guards the service: RETAIN_API_KEYS=off",
            field="RETAIN_API_KEYS",
        )
    log.info("API keys are required; %d are good", good)
