"""The log of the loop: what was decided, from what, and what came of it, as a training set."""

import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from retain import manifest, predictors
from retain.columns import Columns
from retain.decisions.attribution import Attribution
from retain.decisions.facts import Conversion, Told
from retain.decisions.receipt import Receipt
from retain.errors import NotEnoughData
from retain.labels import RESPONSE_WINDOW_DAYS
from retain.manifest import Manifest, TrainingWindow
from retain.predictors import ResponsePredictor
from retain.simulator.acted_on import NOTHING, ActedOn
from retain.simulator.response import Situation
from training import logged, outcomes, response
from training.head import FittedHead
from training.logged import Decisions, Logged


class LoopLog:
    """Decisions with what was known when they were made, and what came of them."""

    def __init__(self, shop: ActedOn) -> None:
        self._shop = shop
        self._tables: list[tuple[list[Receipt], Situation]] = []
        self._columns: list[Columns] = []
        self._rows: dict[tuple[str, int], int] = {}

    def add(
        self, receipts: list[Receipt], situation: Situation, columns: Columns, now: datetime
    ) -> None:
        """Note what was decided at ``now``, and what it was decided from."""
        start = len(self._rows)
        for at, name in enumerate(names(situation)):
            self._rows[name, round(now.timestamp())] = start + at
        self._tables.append((receipts, situation))
        self._columns.append(columns)

    def trained(self, now: datetime, seed: int) -> ResponsePredictor | None:
        """A model of what is known by now; None where that is too little."""
        if not self._tables:
            return None
        known = self._known(now)
        if not len(known):
            return None
        try:
            return served(response.train(None, seed, known), now)
        except NotEnoughData:
            return None

    def _known(self, now: datetime) -> Logged:
        receipts = [one for some, _ in self._tables for one in some]
        told = [
            Told(one["decision_id"], one["actions"][0]["action_id"], "sent", 0)
            for one in receipts
            if one["actions"][0]["action_id"] != NOTHING
        ]
        orders = self._orders(now)
        sales = [
            Conversion(f"o{at}", one["customer_id"], int(one["ts"].timestamp() * 1e6), one["value"])
            for at, one in enumerate(orders.to_pylist())
        ]
        how = Attribution()
        table = outcomes.tabled(receipts, outcomes.Known(told, sales), how)
        return logged.of(Decisions(table, how), orders, self._features, now)

    def _orders(self, now: datetime) -> pa.Table:
        """What the shop has sold since the first decision."""
        orders, since = self._shop.orders, int(self._tables[0][1].at.min())
        known = (orders.ts >= since) & (orders.ts <= int(now.timestamp() * 1e6))
        who = orders.customer[known]
        return pa.table(
            {
                "customer_id": pa.array([f"c{each}" for each in who], pa.string()),
                "ts": pa.array(orders.ts[known], pa.timestamp("us", "UTC")),
                "is_order": pa.array(np.ones(len(who), dtype=bool)),
                "value": pa.array(self._shop.spend[who]),
            }
        )

    def _features(self, keys: pa.Table) -> Columns:
        ids = keys.column("customer_id").to_pylist()
        seconds = [round(at.timestamp()) for at in keys.column("as_of").to_pylist()]
        rows = np.array([self._rows[key] for key in zip(ids, seconds, strict=True)], dtype=np.intp)
        return {
            name: np.concatenate([one[name] for one in self._columns])[rows]
            for name in self._columns[0]
        }


def served(head: FittedHead, as_of: datetime) -> ResponsePredictor:
    """The head as the service would load it."""
    window = TrainingWindow(
        as_of=as_of, first_cutoff=None, last_cutoff=None, holdout_cutoffs=(),
        rows=head.rows, statement=response.STATEMENT,
    )  # fmt: skip
    description = Manifest(
        head="response",
        features=head.features,
        horizon_days=RESPONSE_WINDOW_DAYS,
        training=window,
        parameters=head.parameters,
    )
    with tempfile.TemporaryDirectory(prefix="retain-loop-") as name:
        for file, content in head.files.items():
            Path(name, file).write_text(content)
        manifest.seal(Path(name), description)
        [loaded] = predictors.load_all([Path(name)])
    assert isinstance(loaded, ResponsePredictor)  # noqa: S101 - the manifest says so
    return loaded


def names(situation: Situation) -> list[str]:
    """The ids of these customers."""
    return [f"c{each}" for each in situation.customer]
