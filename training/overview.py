"""What a run learned from, in numbers: rows and rates by cutoff, dates, customers."""

from collections import Counter
from typing import Any

import numpy as np

from retain.clock import from_micros, iso, to_micros
from training.dataset import Dataset
from training.fitting import FittedRun


def of(run: FittedRun) -> dict[str, Any]:
    """Plain JSON for the data section of the report."""
    data = run.data
    currencies = data.current.get("currency")
    known = [] if currencies is None else [str(one) for one in currencies if one is not None]
    counted = Counter(known)
    return {
        "history_days": data.history_days,
        "orders": data.orders,
        "customers": len(np.unique(data.customers)),
        "customers_now": len(next(iter(data.current.values()), ())),
        "drawn_share": data.drawn,
        "withdrawn_consent": len(data.withdrawn),
        "excluded": len(run.exclusion.customers),
        "features": len(data.columns),
        "currency": counted.most_common(1)[0][0] if counted else None,
        "currencies": dict(counted.most_common()),
        "cutoffs": _by_cutoff(data),
    }


def _by_cutoff(data: Dataset) -> list[dict[str, Any]]:
    holdout = {to_micros(at) for at in data.plan.holdout}
    found = []
    for moment in np.unique(data.cutoffs):
        rows = data.cutoffs == moment
        found.append(
            {
                "as_of": iso(from_micros(int(moment))),
                "holdout": int(moment) in holdout,
                "rows": int(rows.sum()),
                "left_share": float(data.churned[rows].mean()),
                "net_revenue": float(data.net_revenue[rows].sum()),
            }
        )
    return found
