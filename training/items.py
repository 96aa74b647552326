"""Next items: the products and categories of the next order, judged against two dumb rules."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.features.ageing import aged
from retain.items import candidates, categories, histories
from retain.items.candidates import Candidates
from retain.items.histories import Histories
from retain.items.logistic import Logistic
from retain.items.tables import FILE_NAME, Floats, ItemTables
from retain.manifest import ModelFeature
from retain.predictors.next_items import calibrated
from retain.predictors.trees import Trees
from training import items_data, items_rules, items_tables
from training.bootstrap import Bootstrap
from training.cutoffs import Plan
from training.dataset import FeatureSource
from training.head import FittedHead, Judgement
from training.items_data import Interactions, NextOrders
from training.items_rules import K
from training.metrics import CALIBRATION_ERROR

MOST_ORDERS = 8_000
FEWEST_ORDERS = 200
FEWEST_HELD = 50
LATEST_CUTOFFS = 5
ROUNDS = 50
POPULATION = "customers with a product they bought, looked at or put in a cart before"
CATEGORY_K = 3

_COARSE_ORDERS = 2_000
_PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 2 * K,
    "learning_rate": 0.1,
    "num_leaves": 8,
    "min_data_in_leaf": 50,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


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
    """Candidates of one part: m pairs, a row's pairs beside each other."""

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
    return Material(given, **parts, tables=items_tables.build(given, _micros(as_of)))


def train(material: Material, horizon_days: int, seed: int) -> FittedHead:
    """Fit on the known cutoffs, judge on the holdout, fit again on the last ones."""
    coarse = _coarse(material.given, material.known, seed)
    known = _scored(material.given, material.known, coarse)
    held = _scored(material.given, material.holdout, coarse)
    raw = Trees(_fit(known, seed)).raw(held.matrix)
    half = material.holdout.asked.customers[held.rows] % 2 == 0
    of_categories = _categories(material.given, material.known)
    judgements = (
        *_judge(material, held, raw, seed),
        *_judge_calibration(material, held, raw, half, seed),
        *_judge_categories(material, of_categories, seed),
    )
    every_coarse = _coarse(material.given, material.every, seed)
    final = _fit(_scored(material.given, material.every, every_coarse), seed)
    content = {
        "tables": material.tables.to_json(),
        "coarse": every_coarse.tolist(),
        "calibration": _calibration(held, raw, np.ones(len(raw), dtype=bool)).to_json(),
        "categories": _as_json(_categories(material.given, material.every)),
    }
    tables = material.tables
    return FittedHead(
        head="next_items",
        label=f"the products of the next order within {horizon_days} days, for who places one",
        population=POPULATION,
        features=_features(),
        rows=len(material.every.asked),
        files={"model.txt": final, FILE_NAME: json.dumps(content, separators=(",", ":"))},
        parameters={
            "rounds": ROUNDS,
            "candidates": candidates.KEPT,
            "products": len(tables.product_ids),
            "categories": len(tables.categories),
            "lines_read": int(material.given.is_order.sum()),
        },
        judgements=judgements,
        notes=_notes(material, held),
    )


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


def _scored(given: Interactions, part: Part, coarse: Floats | None) -> Scored:
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


def _coarse(given: Interactions, part: Part, seed: int) -> Floats:
    """Weights of the score that chooses which candidates the trees see."""
    scored = _scored(given, part, None)
    rows = np.unique(scored.rows)
    if len(rows) > _COARSE_ORDERS:
        rows = np.random.default_rng(seed).choice(rows, _COARSE_ORDERS, replace=False)
    kept = np.isin(scored.rows, rows)
    return _logistic(scored.matrix[kept], scored.target[kept]).weights


def _fit(scored: Scored, seed: int) -> str:
    groups = np.unique(scored.rows, return_counts=True)[1]
    data = lightgbm.Dataset(
        scored.matrix, scored.target, group=groups, feature_name=list(candidates.FEATURES)
    )
    booster = lightgbm.train(_PARAMETERS | {"seed": seed}, data, num_boost_round=ROUNDS)
    text: str = booster.model_to_string()
    return text


def _logistic(matrix: Floats, target: Floats) -> Logistic:
    """A weakly penalised fit; where only one outcome is there, its rate."""
    if target.min(initial=1.0) == target.max(initial=0.0):
        rate = float(np.clip(target.mean() if len(target) else 0.0, 1e-6, 1.0 - 1e-6))
        return Logistic(np.zeros(matrix.shape[1]), float(np.log(rate / (1.0 - rate))))
    spread = np.maximum(matrix.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=1.0, max_iter=300).fit(matrix / spread, target)
    return Logistic(fitted.coef_[0] / spread, float(fitted.intercept_[0]))


def _calibration(scored: Scored, raw: Floats, rows: NDArray[np.bool_]) -> Logistic:
    found = _logistic(_with_score(scored, raw)[rows], scored.target[rows])
    # a product must not become likelier than one the trees put before it
    return Logistic(np.append(max(found.weights[0], 1e-3), found.weights[1:]), found.intercept)


def _with_score(scored: Scored, raw: Floats) -> Floats:
    return np.column_stack([raw, scored.context[:, 1:]])


def _categories(given: Interactions, part: Part) -> Logistic | None:
    matrix, target, _ = _category_rows(given, part)
    if not len(target) or target.min() == target.max():
        return None
    return _logistic(matrix, target)


def _category_rows(
    given: Interactions, part: Part
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Every order with every category: features, whether it held it, and the order."""
    code = {name: place for place, name in enumerate(given.category_names)}
    matrices, targets, rows = [], [], []
    every = len(given.category_names)
    for of, known, tables in part.histories():
        codes = np.array([code[name] for name in tables.categories], dtype=np.int64)
        matrices.append(categories.matrix(known, tables))
        placed = np.repeat(of, len(codes))
        bought = part.asked.category_rows * (every + 1) + part.asked.categories
        targets.append(np.isin(placed * (every + 1) + np.tile(codes, len(of)), bought))
        rows.append(placed)
    return np.concatenate(matrices), np.concatenate(targets).astype(float), np.concatenate(rows)


def _judge(
    material: Material, held: Scored, raw: Floats, seed: int
) -> tuple[Judgement, ...]:
    asked, given = material.holdout.asked, material.given
    order = np.lexsort((-raw, held.rows))
    ranked = (held.rows[order], held.products[order], items_rules.positions(held.rows[order]))
    ten = ranked[2] < K
    lists = {
        "model": (ranked[0][ten], ranked[1][ten], ranked[2][ten]),
        "most_frequent": items_rules.most_frequent(given, asked),
        "popular": items_rules.popular(given, asked, material.holdout.tables),
    }
    recall, ndcg = {}, {}
    for name, (rows, products, places) in lists.items():
        hits = asked.holds(rows, products, len(given.product_ids)).astype(np.float64)
        recall[name] = items_rules.recall(asked, rows, hits)
        ndcg[name] = items_rules.ndcg(asked, rows, places, hits)
    bootstrap = Bootstrap(asked.customers, seed)
    return tuple(
        Judgement.against(
            metric,
            rule,
            bootstrap.paired(_mean(values["model"]), _mean(values[rule])),
            decisive=metric == f"recall_at_{K}",
        )
        for metric, values in ((f"recall_at_{K}", recall), (f"ndcg_at_{K}", ndcg))
        for rule in ("most_frequent", "popular")
    )


def _judge_calibration(
    material: Material, held: Scored, raw: Floats, half: NDArray[np.bool_], seed: int
) -> tuple[Judgement, ...]:
    if not half.any() or half.all():
        return ()
    probability = _calibration(held, raw, half).probability(_with_score(held, raw))
    of = ~half
    bootstrap = Bootstrap(material.holdout.asked.customers[held.rows[of]], seed, replicates=100)
    error = bootstrap.measured(CALIBRATION_ERROR, held.target[of], probability[of])
    return (Judgement("product_calibration_error", error),)


def _judge_categories(
    material: Material, fitted: Logistic | None, seed: int
) -> tuple[Judgement, ...]:
    if fitted is None:
        return ()
    matrix, target, rows = _category_rows(material.given, material.holdout)
    probability = fitted.probability(matrix)
    often = categories.FEATURES.index("often"), categories.FEATURES.index("recent")
    rule = matrix[:, often[0]] * 1e6 + matrix[:, often[1]]
    count = len(material.holdout.asked)
    size = np.bincount(rows, target, minlength=count)
    judged = size > 0

    def recall(score: Floats) -> Floats:
        order = np.lexsort((-score, rows))
        best = order[items_rules.positions(rows[order]) < CATEGORY_K]
        return np.bincount(rows[best], target[best], minlength=count)[judged] / size[judged]

    bootstrap = Bootstrap(material.holdout.asked.customers[judged], seed)
    compared = bootstrap.paired(_mean(recall(probability)), _mean(recall(rule)))
    by_row = Bootstrap(material.holdout.asked.customers[rows], seed, replicates=100)
    return (
        Judgement.against(f"category_recall_at_{CATEGORY_K}", "most_bought", compared),
        Judgement(
            "category_calibration_error", by_row.measured(CALIBRATION_ERROR, target, probability)
        ),
    )


def _mean(values: Floats) -> Any:
    return lambda weight: float(np.average(values, weights=weight))


def _features() -> tuple[ModelFeature, ...]:
    lists = {"bought_products", "bought_categories", "last_viewed", "open_cart"}
    return tuple(
        ModelFeature(name=name, dtype="list" if name in lists else "float64")
        for name in histories.FEATURES
    )


def _notes(material: Material, held: Scored) -> tuple[str, ...]:
    asked = material.holdout.asked
    found = items_rules.recall(asked, held.rows, held.target).mean()
    size = asked.size().mean()
    notes = [
        f"Fitted on {len(material.known.asked):,} next orders and judged on {len(asked):,} later "
        f"ones of {size:.1f} products on average; at most {MOST_ORDERS:,} of each are drawn.",
        f"The {candidates.KEPT} candidates of a customer hold {found:.1%} of the products of the "
        "next order: no ranking of them can reach more.",
    ]
    if not material.tables.categories:
        notes.append("No order line names a category: next_categories stays empty.")
    return tuple(notes)


def _as_json(fitted: Logistic | None) -> dict[str, Any] | None:
    return None if fitted is None else fitted.to_json()


def _micros(moment: datetime) -> int:
    return int(np.datetime64(moment.replace(tzinfo=None), "us").astype(np.int64))
