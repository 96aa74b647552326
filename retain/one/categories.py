"""Categories of one customer's next order.

The counterpart for n customers is :mod:`retain.items.categories`.
"""

import numpy as np

from retain.items.categories import LATELY_DAYS, SMALL
from retain.items.logistic import Logistic
from retain.items.tables import ItemTables
from retain.one.histories import History


class Categories:
    """Asks a logistic regression about every category.

    Attributes:
        recent, lasting: what it says of a category's popularity, whoever asks, (C,).
    """

    def __init__(self, tables: ItemTables, logistic: Logistic) -> None:
        self._names = tables.categories
        self._intercept = logistic.intercept
        self._weights: list[float] = logistic.weights.tolist()
        recent, lasting = self._weights[4:6]
        self.recent = np.log(tables.category_recent + SMALL) * recent
        self.lasting = np.log(tables.category_lasting + SMALL) * lasting
        self._popular = list(zip(self.recent.tolist(), self.lasting.tolist(), strict=True))

    def likeliest(self, history: History, limit: int) -> list[tuple[str, float]]:
        """At most ``limit`` categories with their probabilities, the likeliest first."""
        often, of_share, lately, bought, _, _, of_basket, of_orders, expected = self._weights
        known, total = history.categories, history.category_times
        times = [count for _, _, count, _ in known]
        ages = np.array([age for _, _, _, age in known])
        shares = [count / max(total, 1.0) for count in times]
        *logs, basket, orders = np.log1p(
            [*times, total / max(history.orders, 1.0), history.orders]
        ).tolist()
        *log_shares, nothing = np.log([*(share + SMALL for share in shares), 0.0 + SMALL]).tolist()
        own = {}
        for (_, place, count, _), log, share, fresh, log_share in zip(
            known, logs, shares, np.exp(-ages / LATELY_DAYS).tolist(), log_shares, strict=True
        ):
            so_far = log * often + share * of_share + fresh * lately + (count > 0) * bought
            own[place] = so_far, (log_share + basket) * expected
        without = 0.0, (nothing + basket) * expected
        basket, orders = basket * of_basket, orders * of_orders
        logits = []
        for place, (recent, lasting) in enumerate(self._popular):
            before, after = own.get(place, without)
            logits.append(self._intercept + (before + recent + lasting + basket + orders + after))
        bounded = np.array([min(max(logit, -36.0), 36.0) for logit in logits])
        probabilities = (1.0 / (1.0 + np.exp(-bounded))).tolist()
        best = sorted(range(len(probabilities)), key=[-one for one in probabilities].__getitem__)
        return [(self._names[place], probabilities[place]) for place in best[:limit]]
