"""The material of one training of the next items: orders, what was known before them, tables."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain.clock import to_micros
from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.features.ageing import aged
from retain.items import candidates, histories
from retain.items.candidates import Candidates
from retain.items.histories import Histories
from retain.items.tables import Floats, ItemTables
from retain.predictors.next_items import calibrated
from training import items_data, items_tables
from training.cutoffs import Plan
from training.dataset import FeatureSource
from training.items_data import Interactions, NextOrders

MOST_ORDERS = 8_000
FEWEST_ORDERS = 200
FEWEST_HELD = 50
LATEST_CUTOFFS = 5


@dataclass(frozen=True, slots=True)
class Part:
    """Next orders with what was known of their customers, each at its own cutoff."""

    asked: NextOrders
    columns: Columns
    as_of: NDArray[np.datetime64]
    tables: dict[int, ItemTables]

    def histories(self) -> list[tuple[NDArray[np.int64], Histories, ItemTables]]:
        """Rows, histories and tables of each cutoff."""
        found = []
        for cutoff, tables in self.tables.items():
            rows = np.flatnonzero(self.asked.cutoffs == cutoff)
            columns = {name: self.columns[name][rows] for name in histories.FEATURES}
            found.append((rows, histories.read(columns, self.as_of[rows], tables), tables))
        return found


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of one part: m pairs, a row's pairs beside each other.

    Attributes:
        rows, products: which order, which product (a code of the interactions), (m,).
        matrix: what a model sees, (m, d).
        context: what the calibration sees beside the score, (m, 3).
        target: whether the order held the product, (m,).
    """

    rows: NDArray[np.int64]
    products: NDArray[np.int64]
    matrix: Floats
    context: Floats
    target: Floats


@dataclass(frozen=True, slots=True)
class Material:
    """Everything one training of the head reads."""

    given: Interactions
    known: Part
    holdout: Part
    every: Part
    tables: ItemTables


def read(
    source: FeatureSource,
    plan: Plan,
    as_of: datetime,
    horizon_days: int,
    seed: int,
    *,
    left_out: Collection[str] = (),
) -> Material:
    """Next orders after the last cutoffs, the features before them, and the tables of each moment.

    Raises:
        NotEnoughData: orders name no products, or too few customers ordered again.
    """
    given = items_data.read(source.interactions(), left_out)
    if not (given.is_order & (given.products >= 0)).any():
        raise NotEnoughData(
            "next_items learns from the products of orders; no order line names one",
            remedy="import orders with lines that have a product_id",
        )
    cutoffs = {
        "known": plan.refit[-LATEST_CUTOFFS:],
        "holdout": plan.holdout,
        "every": plan.every[-LATEST_CUTOFFS:],
    }
    asked = {
        name: items_data.next_orders(given, moments, horizon_days, MOST_ORDERS, seed)
        for name, moments in cutoffs.items()
    }
    for name, least in (("known", FEWEST_ORDERS), ("holdout", FEWEST_HELD)):
        if len(asked[name]) < least:
            raise NotEnoughData(
                f"next_items learns from at least {FEWEST_ORDERS} orders of known customers and "
                f"is judged on at least {FEWEST_HELD} later ones; there are "
                f"{len(asked['known'])} and {len(asked['holdout'])}",
                remedy="import more customers or a longer history, or choose another horizon",
            )
    moments = np.unique(np.concatenate([part.cutoffs for part in asked.values()])).tolist()
    tables = {int(moment): items_tables.build(given, int(moment)) for moment in moments}
    parts = _parts(source, given, asked, tables)
    return Material(given, **parts, tables=items_tables.build(given, to_micros(as_of)))


def _parts(
    source: FeatureSource,
    given: Interactions,
    asked: dict[str, NextOrders],
    tables: dict[int, ItemTables],
) -> dict[str, Part]:
    """The features of all parts at once: an order that stands in two of them is computed once."""
    customers = np.concatenate([part.customers for part in asked.values()])
    cutoffs = np.concatenate([part.cutoffs for part in asked.values()])
    pairs, place = np.unique(np.stack([cutoffs, customers]), axis=1, return_inverse=True)
    moments = pa.array(pairs[0]).cast(pa.timestamp("us", "UTC"))
    ids = pa.array(given.customer_ids[pairs[1]].tolist(), pa.string())
    columns = aged(source.features_at(pa.table({"customer_id": ids, "as_of": moments})))
    found, start = {}, 0
    for name, part in asked.items():
        rows = place.ravel()[start : start + len(part)]
        start += len(part)
        found[name] = Part(
            part,
            {feature: columns[feature][rows] for feature in histories.FEATURES},
            part.cutoffs.astype("datetime64[us]"),
            {int(at): tables[int(at)] for at in np.unique(part.cutoffs)},
        )
    return found


def scored(given: Interactions, part: Part, coarse: Floats | None) -> Scored:
    """The candidates of every order of ``part``; without ``coarse`` all, as the coarse score sees.

    With it the best few, as the trees see them.
    """
    code = {product: place for place, product in enumerate(given.product_ids)}
    rows, products, matrices, contexts = [], [], [], []
    for of, known, tables in part.histories():
        found: Candidates = candidates.find(known, tables, coarse)
        rows.append(of[found.rows])
        products.append(np.array([code[one] for one in tables.product_ids])[found.products])
        if coarse is None:
            recent = tables.recent[found.products]
            matrices.append(candidates.coarse_matrix(found.channels, recent))
        else:
            matrices.append(candidates.matrix(found, known, tables))
        contexts.append(calibrated(np.zeros(len(found.rows)), found.rows, known))
    order = np.argsort(np.concatenate(rows), kind="stable")
    placed, bought = np.concatenate(rows)[order], np.concatenate(products)[order]
    held = part.asked.holds(placed, bought, len(given.product_ids))
    return Scored(
        placed,
        bought,
        np.concatenate(matrices)[order],
        np.concatenate(contexts)[order],
        held.astype(np.float64),
    )
