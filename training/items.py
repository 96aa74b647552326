"""Next items: the products and categories of the next order, judged against two dumb rules."""

import json
from typing import Any

import numpy as np

from retain.items import candidates, histories
from retain.items.logistic import Logistic
from retain.items.tables import FILE_NAME
from retain.manifest import ModelFeature
from retain.predictors.trees import Trees
from training import items_fitting, items_judging, items_rules
from training.head import FittedHead
from training.items_material import MOST_ORDERS, Material, Scored, read, scored

__all__ = ["Material", "read", "train"]

POPULATION = "customers with a product they bought, looked at or put in a cart before"


def train(material: Material, horizon_days: int, seed: int) -> FittedHead:
    """Fit on the known cutoffs, judge on the holdout, fit again on the last ones."""
    coarse = items_fitting.coarse(material.given, material.known, seed)
    known = scored(material.given, material.known, coarse)
    held = scored(material.given, material.holdout, coarse)
    raw = Trees(items_fitting.ranker(known, seed)).raw(held.matrix)
    of_categories = items_fitting.of_categories(material.given, material.known)
    judgements = (
        *items_judging.products(material, held, raw, seed),
        *items_judging.probabilities(material, held, raw, seed),
        *items_judging.of_categories(material, of_categories, seed),
    )
    every_coarse = items_fitting.coarse(material.given, material.every, seed)
    final_categories = items_fitting.of_categories(material.given, material.every)
    final = items_fitting.ranker(scored(material.given, material.every, every_coarse), seed)
    content = {
        "tables": material.tables.to_json(),
        "coarse": every_coarse.tolist(),
        "calibration": items_fitting.calibration(
            held, raw, np.ones(len(raw), dtype=bool)
        ).to_json(),
        "categories": _as_json(final_categories),
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
            "rounds": items_fitting.ROUNDS,
            "candidates": candidates.KEPT,
            "products": len(tables.product_ids),
            "categories": len(tables.categories),
            "lines_read": int(material.given.is_order.sum()),
        },
        judgements=judgements,
        notes=_notes(material, held),
    )


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
        (
            f"Fitted on {len(material.known.asked):,} next orders and judged on {len(asked):,} "
            f"later ones of {size:.1f} products on average; at most {MOST_ORDERS:,} are drawn."
        ),
        (
            f"The {candidates.KEPT} candidates of a customer hold {found:.1%} of the products of "
            "the next order: no ranking of them can reach more."
        ),
    ]
    if not material.tables.categories:
        notes.append("No order line names a category: next_categories stays empty.")
    return tuple(notes)


def _as_json(fitted: Logistic | None) -> dict[str, Any] | None:
    return None if fitted is None else fitted.to_json()
