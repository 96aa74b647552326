"""What becomes of a feature in a tree that declares it; run with that tree in front of the path.

    python feature_tour.py <home> <feature> <moment>

The home's log is filled and its online rows are an older catalogue's. Answers in JSON.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from feature_repo import offline
from feature_repo.materialize import materialize
from feature_repo.online import OnlineReader
from feature_repo.store import open_store
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.ageing import aged
from retain.features.engine import VIEWS, keys_of
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.settings import load
from training.selection import candidates, choose


def tour(home: Path, name: str, moment: datetime) -> dict[str, Any]:
    settings = load({}, home=home)
    reader = OnlineReader(settings, EventLog(connect(settings.database_url)))
    found: dict[str, Any] = {"tree": str(Path(offline.__file__).parents[1])}
    view = next(view for view, features in VIEWS.items() if name in {f.name for f in features})

    # the rows of the older catalogue are still there, and never taken for new ones
    found["before"] = reader.read(["ada"], moment).table.column(name).to_pylist()
    materialize(settings, moment)
    files = offline.build(settings, [moment])
    snapshot = pq.read_table(next(file for file in files if file.parent.name == view))
    found["snapshot"] = dict(
        zip(*(snapshot.column(c).to_pylist() for c in ("customer_id", name)), strict=True)
    )
    registered = open_store(settings).get_feature_view(view)
    found["feast"] = name in {field.name for field in registered.features}
    keys = keys_of(["ada", "bob"], moment)
    retrieved = offline.retrieve(settings, keys)
    found["retrieved"] = retrieved.column(name).to_pylist()
    online = OnlineReader(settings, EventLog(connect(settings.database_url))).read(["ada"], moment)
    found["online"] = online.table.column(name).to_pylist()
    columns = aged(retrieved)
    found["candidate"] = name in {feature.name for feature in candidates()}
    found["chosen"] = name in {feature.name for feature in choose(columns)}
    found["matrix"] = to_matrix(columns, [ModelFeature(name=name)]).ravel().tolist()
    return found


if __name__ == "__main__":
    answer = tour(Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3]))
    print(json.dumps(answer))
