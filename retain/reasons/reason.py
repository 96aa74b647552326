"""A reason: one meaning's part in one score of one customer, as a code and in words."""

from dataclasses import dataclass
from typing import Literal

Head = Literal["churn", "next_purchase", "ltv"]
HEADS: tuple[Head, ...] = ("churn", "next_purchase", "ltv")
Direction = Literal["raises", "lowers"]
Compared = Literal["own", "customers", "average"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score is not that of a customer of whom nothing in particular is known.

    Attributes:
        code: what is said; stable, for programs.
        group: the meaning it belongs to; stable too.
        direction: whether it raises or lowers the head's score: the probability of leaving, the
            probability of an order, the value.
        value, usual: the two numbers (or a category) compared; None where there is none.
        compared_with: whether ``usual`` is the customer's own, typical for all customers, or that
            of average days of the year.
        share: of all that moves this score of this customer up or down, 0 to 1.
        features: those of the group that moved it, the strongest first.
    """

    head: Head
    code: str
    group: str
    direction: Direction
    text: str
    value: float | str | None
    usual: float | None
    compared_with: Compared | None
    share: float
    features: tuple[str, ...]
