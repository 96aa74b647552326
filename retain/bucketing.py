"""Deterministic buckets: the same unit is always at the same place, in every process and version.

A salted hash instead of a random number: who is in which arm needs no table, and two salts place
the same unit independently (Kohavi, Tang and Xu 2020, Trustworthy Online Controlled Experiments,
chapter 14).
"""

import hashlib

_BYTES = 8
_RANGE = float(1 << 53)


def place(salt: str, unit: str) -> float:
    """Where ``unit`` lies in [0, 1) under ``salt``: uniform over units, independent over salts."""
    # the length of the salt comes first: ("a", "bc") and ("ab", "c") are two questions
    text = f"{len(salt)}:{salt}{unit}".encode(errors="surrogatepass")
    number = int.from_bytes(hashlib.blake2b(text, digest_size=_BYTES).digest())
    return (number >> 11) / _RANGE
