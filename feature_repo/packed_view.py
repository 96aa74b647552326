"""A feature view as the fast reads see it: its packed schema, time to live and null defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from feature_repo.packed_schema import PackedSchema
from feature_repo.stored import stored_schema
from retain.features.engine import VIEWS
from retain.features.fingerprint import view_fingerprint


@dataclass(frozen=True)
class PackedView:
    """One view.

    Attributes:
        name: Feast's name of the view.
        schema: what its rows hold.
        ttl: age beyond which a value reads as its null default; None or zero is no limit.
        null_defaults: per numeric column what a stale value reads as; missing without one.
        order: the columns as they are declared; stored order when empty.
    """

    name: str
    schema: PackedSchema
    ttl: timedelta | None = None
    null_defaults: Mapping[str, float] = field(default_factory=dict, compare=False)
    order: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, in the order they are declared."""
        return self.order or tuple(name for name, _ in self.schema.fields)

    @property
    def ttl_us(self) -> int | None:
        """The time to live in microseconds."""
        return self.ttl // timedelta(microseconds=1) if self.ttl else None


def stored_views(ttls: Mapping[str, timedelta] | None = None) -> tuple[PackedView, ...]:
    """Every view of the catalogue as it is stored, without importing Feast."""
    return tuple(_stored(view, (ttls or {}).get(view)) for view in VIEWS)


def _stored(view: str, ttl: timedelta | None) -> PackedView:
    columns = stored_schema(view)
    defaults = {f.stored_name: f.null_default for f in VIEWS[view] if f.null_default is not None}
    schema = PackedSchema.of_arrow(columns, view_fingerprint(view))
    return PackedView(view, schema, ttl, defaults, tuple(columns.names))
