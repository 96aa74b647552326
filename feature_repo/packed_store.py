"""Feast's side of the packed rows: its online store contract, on SQLite and on Redis.

Feast finds each store by its class name and its configuration beside it. ``feast apply``
imports this module twice, so it keeps no state; a store keeps its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from feast import Entity, FeatureView
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.helpers import compute_versioned_name
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.supported_async_methods import SupportedAsyncMethods
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import StrictStr

from feature_repo.packed_backend import Key, PackedBackend
from feature_repo.packed_codec import NO_TIME, encode
from feature_repo.packed_feast_rows import by_schema, decoded
from feature_repo.packed_home import open_rows
from feature_repo.packed_redis_client import READ_TIMEOUT_SECONDS, WRITE_TIMEOUT_SECONDS
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_sqlite import SqliteRows
from feature_repo.packed_values import column_of, dtype_of_feast, values_of
from feature_repo.packed_view import PackedView
from retain.clock import now, parse_utc, to_micros

Line = tuple[EntityKey, dict[str, Value], datetime, datetime | None]
Read = tuple[datetime | None, dict[str, Value] | None]


class PackedSQLiteOnlineStoreConfig(FeastConfigBaseModel):
    """Where the SQLite file is; a relative path starts at the feature repository."""

    type: Literal["feature_repo.packed_store.PackedSQLiteOnlineStore"] = (
        "feature_repo.packed_store.PackedSQLiteOnlineStore"
    )
    path: StrictStr = "data/online.db"


class PackedRedisOnlineStoreConfig(FeastConfigBaseModel):
    """Which Redis, and how many seconds a read or a write may wait for it."""

    type: Literal["feature_repo.packed_store.PackedRedisOnlineStore"] = (
        "feature_repo.packed_store.PackedRedisOnlineStore"
    )
    url: StrictStr = "redis://127.0.0.1:6379/0"
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    write_timeout_seconds: float = WRITE_TIMEOUT_SECONDS


class PackedOnlineStoreConfig(FeastConfigBaseModel):
    """A URL of Retain's settings; ``path`` is a SQLite file where there is none.

    There is none where it is empty, or still the name of a variable that is not set.

    ``as_of`` is the pinned clock by which the age of a row is judged; the real one without it.
    """

    type: Literal["feature_repo.packed_store.PackedOnlineStore"] = (
        "feature_repo.packed_store.PackedOnlineStore"
    )
    url: StrictStr | None = None
    path: StrictStr
    as_of: str | datetime | None = None


class _PackedOnlineStore(OnlineStore):
    """What both stores do; a backend holds the rows of one set of join keys."""

    def __init__(self) -> None:
        self._backends: dict[str, PackedBackend] = {}

    def _open(self, config: RepoConfig, entity: str) -> PackedBackend:
        raise NotImplementedError

    @property
    def async_supported(self) -> SupportedAsyncMethods:
        return SupportedAsyncMethods(read=True, write=True)

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[Line],
        progress: Callable[[int], Any] | None,
    ) -> None:
        if not data:
            return
        view = _view(config, table)
        columns = {
            name: column_of(dtype, [values.get(name) for _, values, _, _ in data])
            for name, dtype in view.schema.fields
        }
        rows = encode(
            view.schema,
            pa.table(columns) if columns else pa.table({"": pa.nulls(len(data))}),
            np.array([_micros(event) for _, _, event, _ in data], dtype=np.int64),
            np.array([_micros(created) for _, _, _, created in data], dtype=np.int64),
        )
        keys = [_key(config, key) for key, _, _, _ in data]
        self._backend(config, list(data[0][0].join_keys)).write(keys, {view: rows})
        if progress:
            progress(len(data))

    async def online_write_batch_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[Line],
        progress: Callable[[int], Any] | None,
    ) -> None:
        await asyncio.to_thread(self.online_write_batch, config, table, data, progress)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[Read]:
        if not entity_keys:
            return []
        view = _view(config, table)
        backend = self._backend(config, list(entity_keys[0].join_keys))
        keys = [_key(config, key) for key in entity_keys]
        rows = backend.read_rows(keys, [view.name])[0]
        wanted = dict(view.schema.fields)
        if requested_features is not None:
            wanted = {name: wanted[name] for name in requested_features if name in wanted}
        answers: list[Read] = [(None, None)] * len(rows)
        oldest = self._now(config) - table.ttl if table.ttl else None
        for schema, places in by_schema(backend, view.schema, rows).items():
            there = [row for place in places if (row := rows[place]) is not None]
            for place, (at, values) in zip(places, decoded(schema, there, wanted), strict=True):
                late = oldest is not None and at < oldest
                answers[place] = (at, _null_defaults(table, wanted) if late else values)
        return answers

    def _now(self, config: RepoConfig) -> datetime:
        """The moment by which the age of a row is judged."""
        given = getattr(config.online_store, "as_of", None)
        if isinstance(given, datetime):
            return given if given.tzinfo else given.replace(tzinfo=UTC)
        pinned = given if given and not given.startswith("$") else None
        return parse_utc(pinned, field="as_of") if pinned else now()

    async def online_read_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[Read]:
        return await asyncio.to_thread(
            self.online_read, config, table, entity_keys, requested_features
        )

    def update(  # noqa: PLR0917 - Feast's signature
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],  # noqa: ARG002
        entities_to_keep: Sequence[Entity],  # noqa: ARG002
        partial: bool,  # noqa: ARG002
    ) -> None:
        for table in tables_to_delete:
            self._backend(config, table.join_keys).drop_view(_view(config, table).name)
        for table in tables_to_keep:
            self._backend(config, table.join_keys).add_view(_view(config, table))

    def teardown(
        self,
        config: RepoConfig,
        tables: Sequence[FeatureView],
        entities: Sequence[Entity],  # noqa: ARG002
    ) -> None:
        for entity in {_entity(table.join_keys) for table in tables}:
            self._backend(config, entity.split(",")).clear()

    def _backend(self, config: RepoConfig, join_keys: list[str]) -> PackedBackend:
        entity = _entity(join_keys)
        if entity not in self._backends:
            self._backends[entity] = self._open(config, entity)
        return self._backends[entity]


class PackedOnlineStore(_PackedOnlineStore):
    """Packed rows wherever the rows of a Retain home are."""

    def _open(self, config: RepoConfig, entity: str) -> PackedBackend:
        own = config.online_store
        given = own.url and not own.url.startswith("$")
        return open_rows(own.url if given else f"sqlite:///{own.path}", config.project, entity)


class PackedSQLiteOnlineStore(_PackedOnlineStore):
    """Packed rows in a SQLite file."""

    def _open(self, config: RepoConfig, entity: str) -> PackedBackend:
        path = Path(config.online_store.path)
        return SqliteRows((config.repo_path or Path()) / path, config.project, entity)


class PackedRedisOnlineStore(_PackedOnlineStore):
    """Packed rows in Redis."""

    def _open(self, config: RepoConfig, entity: str) -> PackedBackend:
        from feature_repo.packed_redis import RedisRows  # noqa: PLC0415 - needs redis, zstandard

        own = config.online_store
        return RedisRows(
            own.url,
            config.project,
            entity,
            read_timeout=own.read_timeout_seconds,
            write_timeout=own.write_timeout_seconds,
        )


def _view(config: RepoConfig, table: FeatureView) -> PackedView:
    name = compute_versioned_name(table, config.registry.enable_online_feature_view_versioning)
    fields = [(field.name, dtype_of_feast(field.dtype)) for field in table.features]
    return PackedView(name, PackedSchema.of(fields, table.tags.get("definition", "")))


def _null_defaults(table: FeatureView, wanted: dict[str, str]) -> dict[str, Value]:
    """What the values of a row that is too old read as."""
    tags = {field.name: field.tags.get("null_default") for field in table.features}
    values = {}
    for name, dtype in wanted.items():
        default = tags[name]
        column = pa.array([None if default is None else float(default)], pa.float64())
        values[name] = values_of("float64", column)[0] if dtype == "float64" else Value()
    return values


def _entity(join_keys: Sequence[str]) -> str:
    return ",".join(sorted(join_keys))


def _key(config: RepoConfig, key: EntityKey) -> Key:
    """The text itself of a single text key, so that readers without Feast can ask for it."""
    if len(key.entity_values) == 1 and key.entity_values[0].WhichOneof("val") == "string_val":
        text: str = key.entity_values[0].string_val
        return text
    version = config.entity_key_serialization_version
    serialized: bytes = serialize_entity_key(key, entity_key_serialization_version=version)
    return serialized


def _micros(at: datetime | None) -> int:
    if at is None:
        return int(NO_TIME)
    return to_micros(at if at.tzinfo else at.replace(tzinfo=UTC))
