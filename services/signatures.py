"""Signatures of webhooks: HMAC-SHA256 over id, time and body, by the Standard Webhooks.

The specification is at standardwebhooks.com; its libraries verify what is signed here.
"""

import base64
import hashlib
import hmac
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import datetime

from retain.errors import InvalidInput
from retain.settings import secret
from retain.triggers.declaration import Endpoint

PREFIX = "whsec_"
SHORTEST = 24
"""Bytes; the specification asks for 24 to 64."""


def keys_of(secret: str, *, name: str) -> list[bytes]:
    """The keys in the environment variable ``name``: one, or several separated by spaces.

    A key that begins with ``whsec_`` is in base64, any other is taken as it stands.

    Raises:
        InvalidInput: there is none, or one is too short or not base64.
    """
    found = [_key(one, name) for one in secret.split()]
    if not found:
        raise InvalidInput(
            f"the environment variable {name} holds no secret to sign webhooks with",
            remedy=f"set {name}, for example to whsec_$(openssl rand -base64 32)",
            field=name,
        )
    return found


def keys_of_endpoints(endpoints: Mapping[str, Endpoint]) -> dict[str, list[bytes]]:
    """The signing keys of every endpoint declared.

    Raises:
        InvalidInput: an environment variable holds none; the message names it.
    """
    return {name: keys_of(secret(one.secret), name=one.secret) for name, one in endpoints.items()}


def headers(
    delivery_id: str, at: datetime, body: bytes, keys: Sequence[bytes]
) -> Mapping[str, str]:
    """The three headers that identify and sign ``body``; one signature per key."""
    seconds = str(int(at.timestamp()))
    signed = b".".join((delivery_id.encode(), seconds.encode(), body))
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(secret: str, name: str) -> bytes:
    try:
        key = (
            base64.b64decode(secret.removeprefix(PREFIX), validate=True)
            if secret.startswith(PREFIX)
            else secret.encode()
        )
    except NotBase64:
        # without its text: it is a secret
        key = b""
    if len(key) < SHORTEST:
        raise InvalidInput(
            f"a secret in {name} is shorter than {SHORTEST} bytes, or not base64 after {PREFIX}",
            remedy="make one by: openssl rand -base64 32",
            field=name,
        )
    return key
