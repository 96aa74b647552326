"""How the next items did on later orders, beside the rules and with intervals over customers."""

import numpy as np
from numpy.typing import NDArray

from retain.items import categories
from retain.items.logistic import Logistic
from retain.items.tables import Floats
from training import items_rules
from training.bootstrap import Bootstrap, Statistic
from training.head import Judgement
from training.items_fitting import calibration, category_rows, with_score
from training.items_material import Material, Scored
from training.items_rules import K
from training.metrics import CALIBRATION_ERROR

CATEGORY_K = 3
_REPLICATES = 100


def products(material: Material, held: Scored, raw: Floats, seed: int) -> tuple[Judgement, ...]:
    """Recall and NDCG at ten against both rules; recall decides."""
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


def probabilities(
    material: Material, held: Scored, raw: Floats, seed: int
) -> tuple[Judgement, ...]:
    """Calibration fitted on one half of the customers and judged on the other."""
    half = material.holdout.asked.customers[held.rows] % 2 == 0
    if not half.any() or half.all():
        return ()
    probability = calibration(held, raw, half).probability(with_score(held, raw))
    of = ~half
    bootstrap = Bootstrap(
        material.holdout.asked.customers[held.rows[of]], seed, replicates=_REPLICATES
    )
    error = bootstrap.measured(CALIBRATION_ERROR, held.target[of], probability[of])
    return (Judgement("product_calibration_error", error),)


def of_categories(material: Material, fitted: Logistic | None, seed: int) -> tuple[Judgement, ...]:
    """Recall at ten against both rules, at three against the stricter one, and calibration.

    ``most_bought`` names the categories bought from most often and fills up with what is popular;
    ``most_frequent`` and ``popular`` are its two halves.
    """
    if fitted is None:
        return ()
    matrix, target, rows = category_rows(material.given, material.holdout)
    probability = fitted.probability(matrix)
    often, popular, bought = (
        matrix[:, categories.FEATURES.index(name)] for name in ("often", "recent", "bought")
    )
    everything = np.ones(len(matrix), dtype=bool)
    count = len(material.holdout.asked)
    size = np.bincount(rows, target, minlength=count)
    judged = size > 0

    def recall(score: Floats, most: int, named: NDArray[np.bool_] = everything) -> Statistic:
        order = np.lexsort((-score, rows))
        best = order[items_rules.positions(rows[order]) < most]
        best = best[named[best]]
        held = np.bincount(rows[best], target[best], minlength=count)
        return _mean(held[judged] / size[judged])

    bootstrap = Bootstrap(material.holdout.asked.customers[judged], seed)
    rules = (
        (K, "most_frequent", recall(often, K, bought > 0)),
        (K, "popular", recall(popular, K)),
        (CATEGORY_K, "most_bought", recall(often * 1e6 + popular, CATEGORY_K)),
    )
    by_row = Bootstrap(material.holdout.asked.customers[rows], seed, replicates=_REPLICATES)
    return (
        *(
            Judgement.against(
                f"category_recall_at_{most}",
                name,
                bootstrap.paired(recall(probability, most), rule),
            )
            for most, name, rule in rules
        ),
        Judgement(
            "category_calibration_error", by_row.measured(CALIBRATION_ERROR, target, probability)
        ),
    )


def _mean(values: Floats) -> Statistic:
    return lambda weight: float(np.average(values, weights=weight))
