"""The least data a head is fitted on, and what a refusal says."""

import numpy as np

from retain.errors import NotEnoughData
from retain.manifest import Head
from retain.predictors.trees import Floats
from training.configuration import Minimum
from training.dataset import Dataset

FEWEST_OF_EACH = 50
FLOOR = 20  # no declaration goes below: intervals of fewer say nothing
OUTCOMES: dict[Head, tuple[str, str]] = {
    "churn": ("customers who left", "customers who stayed"),
    "next_purchase": ("customers who ordered", "customers who did not order"),
    "ltv": ("customers with revenue", "customers without revenue"),
}

# of a longer window there are more: a subscription runs out sooner or later
_LATER = {"customers who stayed", "customers who ordered", "customers with revenue"}
_LATER_BY_TERM = {"customers who left"}


def examined(head: Head, data: Dataset, least: Minimum) -> Dataset:
    """``data``, where it is enough for ``head``; else everything that is missing is named.

    Raises:
        NotEnoughData: with how much there has to be, and how much there is.
    """
    happened = _happened(head, data)
    yes, no = OUTCOMES[head]
    counted = (
        ("customers", least.customers, len(np.unique(data.customers))),
        ("days of history", least.history_days, int(data.history_days)),
        ("orders", least.orders, data.orders),
        (yes, least.of_each, int(happened.sum())),
        (no, least.of_each, int(len(happened) - happened.sum())),
    )
    short = [(name, wanted, there) for name, wanted, there in counted if there < wanted]
    if short:
        lacking = ", ".join(
            f"{wanted:,} {name} (there are {there:,})" for name, wanted, there in short
        )
        raise NotEnoughData(
            f"{head} learns from at least {lacking}",
            remedy=_remedy([name for name, *_ in short], yes, no, data),
        )
    return data


def demand(head: str, happened: Floats, yes: str, no: str) -> None:
    """Both outcomes must be there often enough to learn from, whatever was declared.

    Raises:
        NotEnoughData: saying which outcome is missing, and how many there are.
    """
    least, count = FLOOR if head in OUTCOMES else FEWEST_OF_EACH, int(happened.sum())
    for name, found in ((yes, count), (no, len(happened) - count)):
        if found < least:
            raise NotEnoughData(
                f"{head} learns from at least {least} {name} (there are {found})",
                remedy="import more customers or a longer history, or choose another horizon",
            )


def _happened(head: Head, data: Dataset) -> Floats:
    """The head's outcome at the cutoffs that are fitted on while choices are made."""
    fit = data.at(data.plan.fit)
    if head == "churn":
        return data.churned[fit]
    if head == "ltv":
        return np.asarray(data.net_revenue[fit] > 0, dtype=np.float64)
    return np.asarray(~np.isnan(data.days_to_order[fit]), dtype=np.float64)


def _remedy(missing: list[str], yes: str, no: str, data: Dataset) -> str:
    if OUTCOMES["ltv"][0] in missing and not data.net_revenue.any():
        return "import what orders cost: none of them has an amount"
    if len(missing) == 1 and missing[0] in (yes, no):
        by_term = data.churn.label == "subscription_not_renewed" and yes in _LATER_BY_TERM
        often = "longer" if missing[0] in (_LATER_BY_TERM if by_term else _LATER) else "shorter"
        days = data.horizon_days
        return f"train with a {often} --horizon-days than {days}, or import more customers"
    if missing == ["days of history"]:
        return "import a longer history"
    return "import more customers or a longer history; training.yaml declares the least"
