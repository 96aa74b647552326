"""The batch job: scores of everyone with an order in the last year, as one Parquet file."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from feature_repo import offline
from retain.database import connect
from retain.features.reader import Features
from retain.features.sheet import Sheet
from retain.settings import Settings
from services import table
from services.deciding import Deciding, deciding
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
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    made = deciding(settings, connect(settings.database_url), Metrics())
    try:
        offline.export_history(settings, progress)
        with pq.ParquetWriter(partial, table.SCHEMA) as writer:
            done = _write(writer, made, settings, as_of, progress)
        partial.replace(out)
    finally:
        made.decisions.close()
        partial.unlink(missing_ok=True)
    return done


def _write(
    writer: pq.ParquetWriter,
    made: Deciding,
    settings: Settings,
    as_of: datetime,
    progress: Progress | None,
) -> int:
    manifests, done = made.scorer.champions.manifests, 0
    buyers = offline.buyers_at(
        settings, as_of, within_days=ORDERED_WITHIN_DAYS, most=CUSTOMERS_PER_BATCH
    )
    with closing(buyers):
        for features, share in buyers:
            scores = made.scorer.score(Sheet.of(features))
            fresh = dict.fromkeys(scores.customer_ids, as_of)
            decided = made.previews.preview(scores, Features(features, [], fresh))
            made.decisions.flush()
            writer.write_table(table.of_scores(scores, decided, manifests))
            done += features.num_rows
            if progress:
                progress("score", done, round(done / share))
    return done
