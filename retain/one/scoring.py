"""From one customer's features to scores.

The counterpart for n customers is :class:`retain.scoring.Scorer`; what is said there of raw
numbers and of what is withheld holds here.
"""

from bisect import bisect_right
from dataclasses import dataclass

from retain import standing
from retain.champions import Champions
from retain.clock import MICROSECONDS_PER_DAY
from retain.features.consent import PROFILING
from retain.manifest import Manifest
from retain.one.curves import Reads, reader_of
from retain.one.features import One
from retain.one.ltv import LtvOfOne, Worth
from retain.one.rows import Board
from retain.predictors.calibrator import Calibrator
from retain.predictors.churn import ChurnPredictor
from retain.predictors.next_purchase import QUANTILES
from retain.predictors.orders import Orders, read_one_curve
from retain.statuses import ALREADY_CHURNED, INSUFFICIENT_DATA, NO_CONSENT, NO_MODEL, OK

_NEAR = (7.0, 30.0, 90.0)
_ORDERS = ("model.txt", "model.json")
Place = tuple[int, int]


@dataclass(slots=True)
class OneScores:
    """Scores of one customer; None means that there is none, whatever the status.

    Attributes:
        features: the features they were made from.
        moment: of the question, in epoch microseconds, as all times are.
        consent: whether the customer may be profiled.
        near: probabilities of an order within 7, 30 and 90 days.
        expected: the earliest, the median and the latest time of the next order.
    """

    features: One
    moment: int
    consent: bool
    status: str
    churn_status: str
    purchase_status: str
    ltv_status: str
    churn_probability: float | None = None
    churn_band: str | None = None
    near: tuple[float, ...] | None = None
    expected: tuple[int, ...] | None = None
    ltv: LtvOfOne | None = None


class OneScorer:
    """Scores one customer at a time with one set of champions."""

    def __init__(self, champions: Champions) -> None:
        board = self._board = Board()
        churn, purchase = champions.churn, champions.next_purchase
        self._purchase: _Purchase | None = None
        also: tuple[float, ...] = ()
        if purchase is not None:
            if churn is not None and read_one_curve(churn, purchase):
                also = (float(churn.manifest.horizon_days),)
            self._purchase = _Purchase(purchase.manifest, purchase.orders, board, also)
        self._churn = None if churn is None else _Churn(churn, board, read_already=bool(also))
        self._ltv: tuple[Worth, list[Place]] | None = None
        if (ltv := champions.ltv) is not None:
            worth = Worth(ltv)
            self._ltv = (
                worth,
                [
                    board.place(("ltv", number), ltv.manifest.features, blend)
                    for number, blend in enumerate(worth.blends)
                ],
            )
        board.plan()

    def score(self, one: One, moment: int) -> OneScores:
        """Scores at ``moment`` (epoch microseconds) of a customer none of whose views is stale.

        Raises:
            FingerprintMismatch: a stored row is damaged.
        """
        consent = PROFILING.isdisjoint(one["withdrawn_purposes"])
        bought = one["orders_lifetime"] > 0
        plain = (OK if bought else INSUFFICIENT_DATA) if consent else NO_CONSENT
        known = bought if self._churn is None else standing.one_is_known(self._churn.label, one)
        found = OneScores(
            one,
            moment,
            consent,
            status=plain,
            churn_status=NO_MODEL,
            purchase_status=NO_MODEL if self._purchase is None else plain,
            ltv_status=NO_MODEL if self._ltv is None else plain,
        )
        scores = self._board.scores(one) if consent and (bought or known) else None
        further: tuple[float, ...] = ()
        if scores is not None and bought:
            if self._purchase is not None:
                further = self._purchase.put(found, scores)
            if self._ltv is not None:
                worth, places = self._ltv
                found.ltv = worth.of([scores[a][b] for a, b in places], moment)
        if self._churn is not None:
            own = (OK if known else INSUFFICIENT_DATA) if consent else NO_CONSENT
            if own == OK and self._churn.has_left(one):
                own = ALREADY_CHURNED
            found.churn_status = own
            found.status = plain if own == INSUFFICIENT_DATA else own
            if scores is not None and known:
                self._churn.put(found, scores, further)
        return found


class _Churn:
    """The probability of leaving, read from a curve or from a score of its own."""

    def __init__(self, predictor: ChurnPredictor, board: Board, *, read_already: bool) -> None:
        self.label = predictor.label
        self._hiatus_days = predictor.hiatus_days
        self._edges, self._names = predictor.band_edges, predictor.BANDS
        manifest, orders = predictor.manifest, predictor.orders
        self._calibrator: Calibrator | None = predictor.calibrator
        self._curve: Reads | None = None
        self._read_already = read_already
        if orders is not None:
            self._curve = reader_of(orders.reader, (float(manifest.horizon_days),), ())
        self._place = board.place(_key(manifest), manifest.features, predictor.blend)

    def has_left(self, one: One) -> bool:
        """Whether the customer has left already."""
        return standing.one_has_left(self.label, one, self._hiatus_days)

    def put(self, found: OneScores, scores: list[list[float]], further: tuple[float, ...]) -> None:
        """Put the probability and its band; ``further`` is what the same curve said already."""
        score = scores[self._place[0]][self._place[1]]
        if self._read_already:
            probability = 1.0 - further[0]
        elif self._curve is not None:
            [order], _ = self._curve.read(score, found.moment)
            probability = 1.0 - order
        else:
            assert self._calibrator is not None  # noqa: S101 - it has one or the other
            probability = self._calibrator.probability(score).item()  # type: ignore[arg-type]
        found.churn_probability = probability
        found.churn_band = self._names[bisect_right(self._edges, probability)]


class _Purchase:
    """Probabilities of an order within some days, and when it is expected."""

    def __init__(
        self, manifest: Manifest, orders: Orders, board: Board, also: tuple[float, ...]
    ) -> None:
        self._curve = reader_of(orders.reader, (*_NEAR, *also), QUANTILES)
        self._place = board.place(_key(manifest), manifest.features, orders.blend)

    def put(self, found: OneScores, scores: list[list[float]]) -> tuple[float, ...]:
        """Put them; returns the probabilities at the horizons that are somebody else's."""
        near, days = self._curve.read(scores[self._place[0]][self._place[1]], found.moment)
        found.near = tuple(near[: len(_NEAR)])
        found.expected = tuple(found.moment + round(each * MICROSECONDS_PER_DAY) for each in days)
        return tuple(near[len(_NEAR) :])


def _key(manifest: Manifest) -> tuple[str, ...]:
    """Models of the same files give the same scores: churn's and next purchase's often are."""
    return tuple(manifest.files.get(name, manifest.name) for name in _ORDERS)
