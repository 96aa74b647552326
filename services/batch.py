"""The batch job: scores of everyone with an order in the last year, as one Parquet file."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from feature_repo import offline
from retain.database import connect
from retain.features.engine import in_batches
from retain.features.reader import Features
from retain.settings import Settings
from services import table
from services.deciding import deciding
from services.metrics import Metrics

ORDERED_WITHIN_DAYS = 365
CUSTOMERS_PER_BATCH = 10_000

Progress = Callable[[str, int, int], None]


def score(settings: Settings, as_of: datetime, out: Path, progress: Progress | None = None) -> int:
    """Write the scores at ``as_of`` to ``out``; returns how many customers it holds.

    Everyone with an order in the 365 days before ``as_of`` is scored, also where the
    service would withhold the scores (``status`` says so). Decisions are previews, with
    receipts found by ``decision_id``. The file appears whole or not at all.

    Raises:
        NoModel: too few heads have a champion.
        NotEnoughData: the event log is empty.
    """
    made = deciding(settings, connect(settings.database_url), Metrics())
    offline.export_history(settings, progress)
    manifests = made.scorer.champions.manifests
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    done = 0
    with offline.engine(settings) as engine, pq.ParquetWriter(partial, table.SCHEMA) as writer:
        keys = engine.customers(as_of, ordered_within_days=ORDERED_WITHIN_DAYS)
        for batch in in_batches(keys, CUSTOMERS_PER_BATCH):
            features = engine.table(batch)
            scores = made.scorer.score(features)
            fresh = dict.fromkeys(scores.customer_ids, as_of)
            decided = made.previews.preview(scores, Features(features, [], fresh))
            made.decisions.flush()
            writer.write_table(table.of_scores(scores, decided, manifests))
            done += batch.num_rows
            if progress:
                progress("score", done, keys.num_rows)
    partial.replace(out)
    made.decisions.close()
    return done
