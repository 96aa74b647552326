"""Next purchase: one survival curve per customer, from which every answer is read."""

from dataclasses import dataclass

from retain.predictors.artefact import Artefact
from retain.predictors.contributions import Contributions, Floats, Season
from retain.predictors.orders import Orders
from retain.predictors.survival import Reading
from retain.predictors.yearly import Times

SEASON_DAYS = 30.0
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class PurchaseCurve:
    """Read from one curve, so the answers cannot contradict; every array is (n,).

    Attributes:
        p7, p30, p90: probability of an order within so many days.
        median_days, low_days, high_days: time to the next order: median and 80 % interval.
    """

    p7: Floats
    p30: Floats
    p90: Floats
    median_days: Floats
    low_days: Floats
    high_days: Floats


class NextPurchasePredictor:
    """A discrete-time survival model: one tree row per customer, whatever the bins."""

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        self.orders = Orders(artefact)

    def curve(self, matrix: Floats, as_of: Times) -> PurchaseCurve:
        """The curve's answers for an (n, d) matrix in manifest order, from each moment on, (n,)."""
        return self.read(self.orders.curves(matrix, as_of))

    def read(self, found: Reading) -> PurchaseCurve:
        """What curves that were made before say, (n,)."""
        p7, p30, p90 = (found.probability(days) for days in (7.0, 30.0, 90.0))
        low, median, high = (found.days_until(share) for share in QUANTILES)
        return PurchaseCurve(p7, p30, p90, median, low, high)

    def score(self, matrix: Floats) -> Floats:
        """What the curve depends on: the customer's score in log-odds, (n,)."""
        return self.orders.score(matrix)

    def season(self, matrix: Floats, as_of: Times) -> Season:
        """What the season adds to the log-odds of an order within 30 days."""
        return self.orders.season(matrix, as_of, SEASON_DAYS)

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to :meth:`score`."""
        return self.orders.contributions(matrix)
