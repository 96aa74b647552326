"""API keys: who may ask the service for what, kept as digests that open nothing.

A key is a secret of 160 random bits, so one fast hash protects it at rest: nobody finds a
preimage among 2^160 by trying, and a slow hash would only slow the service down. NIST SP
800-63B, 5.1.2.2, asks the same of secrets with at least 112 bits: an approved one-way
function, neither salted nor stretched.
"""

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, Float, Row, String, Table, insert, select, update

from retain.clock import Clock, from_micros, now, to_micros
from retain.database import Id, metadata, reading, writing
from retain.errors import Conflict, InvalidInput, NotFound

PREFIX = "rk"
_ID_BYTES = 5
_SECRET_BYTES = 20
_LONGEST_NAME = 64
_MOST_PER_SECOND = 1_000_000.0

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("rate", Float),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)


class Scope(StrEnum):
    """What a key may be used for; one operation needs one of them."""

    score = "score"
    """Scores and decisions, and replaying these."""
    ingest = "ingest"
    """Telling events and outcomes."""
    admin = "admin"
    """Profiles of customers, models, deliveries; and what ``metrics`` opens."""
    metrics = "metrics"
    """The metrics alone: what a scraper needs and no more."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: without its secret.

    Attributes:
        id: public, stands in logs.
        name: whose it is; several keys may share one, while one takes over from another.
        digest: SHA-256 of the whole key, 32 bytes.
        scopes: what it opens.
        rate: requests a second it is admitted to, None where it has no limit of its own.
        expires_at: from when on it opens nothing.
        revoked_at: when it was revoked; it opens nothing, whatever a clock says.
    """

    id: str
    name: str
    digest: bytes
    scopes: frozenset[Scope]
    rate: float | None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def opens(self, at: datetime) -> bool:
        """Whether it is good at ``at``."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def may(self, scope: Scope) -> bool:
        """Whether it opens what needs ``scope``."""
        return scope in self.scopes or (scope is Scope.metrics and Scope.admin in self.scopes)


def digest(presented: bytes) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(presented).digest()


class Keys:
    """Reads and writes the ``api_keys`` table; a revoked key stays, as a record."""

    def __init__(self, engine: Engine, clock: Clock = now) -> None:
        self._engine = engine
        self._clock = clock

    def add(
        self, name: str, scopes: Collection[Scope], rate: float | None = None
    ) -> tuple[Key, str]:
        """A new key, and its text, which is told this once and kept nowhere.

        Raises:
            InvalidInput: the name is empty or too long, no scope is given, or ``rate`` is no
                number above 0 and up to a million.
        """
        key, text = self._made(name, scopes, rate)
        with writing(self._engine, alone="keys") as connection:
            connection.execute(insert(api_keys).values(_values(key)))
        return key, text

    def all(self) -> list[Key]:
        """Every key there ever was, oldest first.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        with reading(self._engine) as connection:
            return [_key(row) for row in connection.execute(query)]

    def revoke(self, key_id: str) -> Key:
        """Have a key open nothing any more; revoking it again changes nothing.

        Raises:
            NotFound: there is none of this id.
        """
        with writing(self._engine, alone="keys") as connection:
            key = _one(connection.execute(_of(key_id)).first(), key_id)
            if key.revoked_at is None:
                connection.execute(
                    update(api_keys)
                    .where(api_keys.c.id == key_id)
                    .values(revoked_at=to_micros(self._clock()))
                )
            return _one(connection.execute(_of(key_id)).first(), key_id)

    def rotate(self, key_id: str, overlap: timedelta) -> tuple[Key, str]:
        """A new key like another, which is good for ``overlap`` more: time to exchange them.

        Raises:
            NotFound: there is none of this id.
            Conflict: it opens nothing any more.
            InvalidInput: ``overlap`` is negative.
        """
        if overlap < timedelta(0):
            raise InvalidInput(
                "the overlap is negative", remedy="give hours from 0 on", field="overlap"
            )
        moment = self._clock()
        with writing(self._engine, alone="keys") as connection:
            old = _one(connection.execute(_of(key_id)).first(), key_id)
            if not old.opens(moment):
                raise Conflict(
                    f"the key {key_id} opens nothing any more",
                    remedy="add a new one: retain keys add",
                )
            key, text = self._made(old.name, old.scopes, old.rate)
            connection.execute(insert(api_keys).values(_values(key)))
            ends = moment + overlap
            if old.expires_at is None or ends < old.expires_at:
                connection.execute(
                    update(api_keys)
                    .where(api_keys.c.id == key_id)
                    .values(expires_at=to_micros(ends))
                )
        return key, text

    def _made(self, name: str, scopes: Collection[Scope], rate: float | None) -> tuple[Key, str]:
        _check(name, scopes, rate)
        key_id = _random(_ID_BYTES)
        text = f"{PREFIX}_{key_id}_{_random(_SECRET_BYTES)}"
        made = digest(text.encode())
        return Key(key_id, name, made, frozenset(scopes), rate, self._clock()), text


def _random(length: int) -> str:
    # lower case and digits: nothing that is mistaken for another, or that a shell reads
    return b32encode(secrets.token_bytes(length)).decode().lower()


def _check(name: str, scopes: Collection[Scope], rate: float | None) -> None:
    if not (name.strip() and len(name) <= _LONGEST_NAME and name.isprintable()):
        raise InvalidInput(
            f"a key's name has 1 to {_LONGEST_NAME} printable characters",
            remedy="name who uses it: --name crm",
            field="name",
        )
    if not scopes:
        raise InvalidInput(
            "a key without a scope opens nothing",
            remedy=f"give at least one of {', '.join(Scope)}",
            field="scope",
        )
    if rate is not None and not 0 < rate <= _MOST_PER_SECOND:
        raise InvalidInput(
            f"{rate!r} requests a second is no rate",
            remedy=f"give a number above 0 and up to {_MOST_PER_SECOND:,.0f}, or none",
            field="rate",
        )


def _of(key_id: str) -> Any:
    return select(api_keys).where(api_keys.c.id == key_id)


def _one(row: Row[Any] | None, key_id: str) -> Key:
    if row is None:
        raise NotFound(f"there is no key {key_id!r}", remedy="see `retain keys list`")
    return _key(row)


def _key(row: Row[Any]) -> Key:
    return Key(
        row.id,
        row.name,
        bytes.fromhex(row.digest),
        # a scope of a later version opens nothing here
        frozenset(Scope(one) for one in row.scopes.split() if one in list(Scope)),
        row.rate,
        from_micros(row.created_at),
        None if row.expires_at is None else from_micros(row.expires_at),
        None if row.revoked_at is None else from_micros(row.revoked_at),
    )


def _values(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "digest": key.digest.hex(),
        "scopes": " ".join(sorted(key.scopes)),
        "rate": key.rate,
        "created_at": to_micros(key.created_at),
    }
