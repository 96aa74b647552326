"""Feast's entity, views, push sources and feature services, made from the one feature list."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource
from feast.types import Array, Float64, Int64, PrimitiveFeastType, String
from feast.value_type import ValueType

from feature_repo.stored import CREATED_TIMESTAMP, EVENT_TIMESTAMP, KEY, stored_schema
from retain.features.engine import VIEWS
from retain.features.fingerprint import view_fingerprint
from retain.features.lifetimes import lifetimes
from retain.settings import FEATURE_TTL_DAYS

_FEAST_TYPES: dict[pa.DataType, PrimitiveFeastType | Array] = {
    pa.float64(): Float64,
    pa.int64(): Int64,
    pa.string(): String,
    pa.list_(pa.string()): Array(String),
}


@dataclass(frozen=True, slots=True)
class Definitions:
    """Every Feast object of the project; ``views`` and ``push_sources`` are in view order."""

    customer: Entity
    views: tuple[FeatureView, ...]
    push_sources: tuple[PushSource, ...]
    services: tuple[FeatureService, ...]

    def all(self) -> list[Any]:
        """What is applied to a registry."""
        return [self.customer, *self.push_sources, *self.views, *self.services]


def push_source_name(view: str) -> str:
    """The push source a micro-batch writes ``view`` through."""
    return f"{view}_push"


def snapshot_glob(features: Path, view: str) -> str:
    """Where the offline snapshots of ``view`` are."""
    return str(features / view / "*.parquet")


def define(features: Path, feature_ttl_days: float = FEATURE_TTL_DAYS) -> Definitions:
    """The objects over offline snapshots in the folder ``features``.

    A view's tag ``definition`` says how its values are computed, and a field's ``null_default``
    what it reads as where there is no value: the packed online store goes by both.
    """
    ttls = lifetimes(feature_ttl_days)
    customer = Entity(name="customer", join_keys=[KEY], value_type=ValueType.STRING)
    sources = {
        view: PushSource(
            name=push_source_name(view),
            batch_source=FileSource(
                name=f"{view}_snapshots",
                path=snapshot_glob(features, view),
                timestamp_field=EVENT_TIMESTAMP,
                created_timestamp_column=CREATED_TIMESTAMP,
            ),
        )
        for view in VIEWS
    }
    views = tuple(
        FeatureView(
            name=view,
            entities=[customer],
            ttl=ttls[view],
            tags={"definition": view_fingerprint(view)},
            schema=_fields(view),
            source=sources[view],
            online=True,
        )
        for view in VIEWS
    )
    # the order of a vector is the model manifest's, never a feature service's
    services = (FeatureService(name="customer_features", features=list(views)),)
    return Definitions(customer, views, tuple(sources.values()), services)


def _fields(view: str) -> list[Field]:
    defaults = {f.stored_name: f.null_default for f in VIEWS[view] if f.null_default is not None}
    return [
        Field(
            name=field.name,
            dtype=_FEAST_TYPES[field.type],
            tags={"null_default": str(defaults[field.name])} if field.name in defaults else {},
        )
        for field in stored_schema(view)
    ]
