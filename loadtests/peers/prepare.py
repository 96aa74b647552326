"""What the peers start from: the home's models, and its customers' features in stock Feast.

The features are those the three heads of the home read, at the values a request sees now, in
Feast's own SQLite store, grouped in views as the project groups them. ``expected.json`` holds
what the model files say of some customers, for whoever wants to see that a peer agrees.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64, String
from feast.value_type import ValueType

from feature_repo.online import OnlineReader
from retain import artefacts, manifest
from retain.clock import now
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.engine import VIEWS
from retain.features.matrix import to_matrix
from retain.features.reader import Features
from retain.ledger import Ledger
from retain.manifest import Head, ModelFeature
from retain.settings import Settings, load

HEADS: tuple[Head, ...] = ("churn", "next_purchase", "ltv")
EXPECTED = 20
_AT_ONCE = 1_000
_STORE = """project: peer
provider: local
registry: {path: registry.db, cache_ttl_seconds: 0}
offline_store: {type: duckdb}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
"""


@dataclass(frozen=True, slots=True)
class Model:
    """A head's files and what it reads, in order."""

    folder: Path
    features: tuple[ModelFeature, ...]


def main() -> None:
    """Write models, store, expectations and the customers' ids into ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=10_000)
    given = parser.parse_args()
    settings, out = load(home=given.home), given.out
    engine = connect(settings.database_url)
    models = champions(settings, Ledger(engine))
    for head, model in models.items():
        shutil.copytree(model.folder, out / "models" / head)
    log = EventLog(engine)
    ids = log.customers_after("", given.customers)
    reader, moment = OnlineReader(settings, log), now()
    read = [
        reader.read(ids[start : start + _AT_ONCE], moment) for start in range(0, len(ids), _AT_ONCE)
    ]
    reader.close()
    materialize(out, features(read, moment, models), moment)
    (out / "expected.json").write_text(json.dumps(expected(read[0], models)), "utf-8")
    (out / "customers.txt").write_text("\n".join(known(read)) + "\n", "utf-8")


def champions(settings: Settings, ledger: Ledger) -> dict[Head, Model]:
    """The files of the heads that answer."""
    found = {}
    for head in HEADS:
        version = ledger.champion(head)
        if version is None:
            sys.exit(f"{settings.home} has no champion for {head}; train one with: retain train")
        folder = artefacts.folder(settings.bentoml_home, head, version)
        found[head] = Model(folder, manifest.read(folder).features)
    return found


def known(read: Sequence[Features]) -> list[str]:
    """Everybody of whom there are features."""
    return [one for part in read for one in part.sheet.customer_ids]


def features(
    read: Sequence[Features], moment: datetime, models: dict[Head, Model]
) -> dict[str, pa.Table]:
    """One table per view, of the columns any of the heads needs."""
    needed = {one.name: one for model in models.values() for one in model.features}
    declared = {one.name: view for view, own in VIEWS.items() for one in own}
    ids, first = known(read), next(iter(VIEWS))
    columns: dict[str, dict[str, Any]] = {}
    for name, feature in needed.items():
        values = [value for part in read for value in part.sheet.columns[name]]
        # what is derived from other features as they are read belongs to no view: not a view more
        own = columns.setdefault(declared.get(name, first), {"customer_id": ids})
        own[name] = column(feature, values)
    when = pa.array([moment] * len(ids), pa.timestamp("us", tz="UTC"))
    return {view: pa.table({**own, "event_timestamp": when}) for view, own in columns.items()}


def column(feature: ModelFeature, values: list[Any]) -> pa.Array:
    """Values as Feast stores them: text for a category, else a number; missing is null."""
    if feature.dtype == "category":
        return pa.array(values, pa.string())
    numbers = np.array(values, dtype=np.float64)
    return pa.array(numbers, pa.float64(), mask=np.isnan(numbers))


def materialize(out: Path, tables: dict[str, pa.Table], moment: datetime) -> None:
    """Apply the views to a registry and load them into the online store."""
    (out / "feature_store.yaml").write_text(_STORE, "utf-8")
    store = FeatureStore(repo_path=str(out))
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
    store.apply([customer, *views(out, tables, customer)])
    with redirect_stdout(sys.stderr):
        store.materialize(moment - timedelta(seconds=1), moment + timedelta(seconds=1))


def views(out: Path, tables: dict[str, pa.Table], customer: Entity) -> Iterator[FeatureView]:
    """A view over each table's file."""
    for name, table in tables.items():
        path = out / f"{name}.parquet"
        pq.write_table(table, path)
        yield FeatureView(
            name=name,
            entities=[customer],
            ttl=timedelta(days=365),
            schema=[
                Field(name=field.name, dtype=String if field.type == pa.string() else Float64)
                for field in table.schema
                if field.name not in ("customer_id", "event_timestamp")
            ],
            source=FileSource(
                name=f"{name}_file", path=str(path.resolve()), timestamp_field="event_timestamp"
            ),
            online=True,
        )


def expected(part: Features, models: dict[Head, Model]) -> dict[str, dict[str, float]]:
    """What LightGBM says of the first customers, read by the project's own way."""
    sheet, found = part.sheet, {}
    for head, model in models.items():
        booster = lightgbm.Booster(model_file=model.folder / "model.txt")
        scores = booster.predict(to_matrix(sheet.columns, model.features), num_threads=1)
        found[head] = dict(zip(sheet.customer_ids[:EXPECTED], scores.tolist(), strict=False))
    return {
        one: {head: found[head][one] for head in models} for one in sheet.customer_ids[:EXPECTED]
    }


if __name__ == "__main__":
    main()
