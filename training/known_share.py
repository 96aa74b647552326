"""Known customers: the share of a window's trade made by those who had ordered in the year before.

Last year's total holds what new customers brought as well, of whom no model is asked. Their share
is that of lately, over the last three windows; and that of last year's own window, where the
record reached back far enough then to tell who was known. A shop that found more new customers a
year ago than it does now would be taken to grow again otherwise.
"""

from collections.abc import Callable

import numpy as np

from retain.clock import MICROSECONDS_PER_DAY
from retain.predictors.trees import Floats
from training.population import POPULATION_DAYS
from training.trade import Trade

_YEAR_DAYS = 365.0
_WINDOWS = 3
_SPACING_DAYS = 30.0
_MOST_UNSEEN = 0.05  # of what known customers do, by a record that begins too late
_SMALLEST = 0.05

Share = Callable[[Trade, Floats], float]
"""Of a window, and 1 for every customer who was known, by number."""


def bought(window: Trade, known: Floats) -> float:
    """The share of the customers who ordered."""
    ordered = np.flatnonzero(window.ordered)
    return float(known[ordered].sum()) / max(window.buyers, 1.0)


def brought(window: Trade, known: Floats) -> float:
    """The share of the net revenue."""
    return float((window.value * known[window.customers]).sum()) / max(window.net, 1e-9)


def of(trade: Trade, moment: int, days: float, share: Share) -> float:
    """Of the window of ``days`` a year before ``moment``, epoch microseconds."""
    people = int(trade.customers.max()) + 1

    def told(start: float, reach_days: float) -> float:
        past = trade.within(start - reach_days * MICROSECONDS_PER_DAY, reach_days)
        known = np.zeros(people)
        known[np.flatnonzero(past.ordered)] = 1.0
        return share(trade.within(start, days), known)

    back = (days + _SPACING_DAYS * np.arange(_WINDOWS)) * MICROSECONDS_PER_DAY
    lately = float(np.mean([told(moment - one, POPULATION_DAYS) for one in back]))
    last_year = moment - _YEAR_DAYS * MICROSECONDS_PER_DAY
    reach = min((last_year - trade.first) / MICROSECONDS_PER_DAY, POPULATION_DAYS)
    # how much of lately's known customers a record as short as last year's would have told
    seen = float(np.mean([told(moment - one, reach) for one in back])) / max(lately, _SMALLEST)
    kept = float(np.clip(1.0 - (1.0 - seen) / _MOST_UNSEEN, 0.0, 1.0))
    if not kept:
        return float(np.clip(lately, _SMALLEST, 1.0))
    then = told(last_year, reach) / seen
    both = [max(one, _SMALLEST) for one in (lately, then)]
    return float(np.clip(both[0] ** (1.0 - kept) * both[1] ** kept, _SMALLEST, 1.0))
