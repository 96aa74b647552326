"""From features to scores: the one place where every head is asked, for one or for many.

The service and the batch call the same function on the same columns, which is why their
answers are equal. Raw numbers are kept wherever they can be computed; ``withheld`` says
which of them an answer to a caller must not show.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retain import standing
from retain.champions import Champions
from retain.clock import MICROSECONDS_PER_DAY
from retain.columns import Columns, Over
from retain.features import consent
from retain.features.matrix import Vectors
from retain.features.sheet import Sheet
from retain.features.staleness import StaleViews, too_old
from retain.items.popular import Popular
from retain.items.suggestions import Suggestions
from retain.manifest import Head, Manifest, ModelFeature
from retain.predictors import PurchaseCurve
from retain.predictors.orders import read_one_curve
from retain.predictors.survival import Reading
from retain.segments import Segmenter, Segments, unsaid
from retain.statuses import (
    ALREADY_CHURNED,
    INSUFFICIENT_DATA,
    OK,
    Known,
    names_of,
    statuses_of,
)
from retain.stock import EMPTY, Stock

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of n customers, column by column; NaN, NaT and None mean that there is none.

    ``columns`` are the read-time features the scores were made from, with the scores
    themselves among them, as rules and ranking read them. ``undecidable`` are those whose profile
    or orders are too old: whether they consent is not known, so nothing may be done for them.
    """

    customer_ids: list[str]
    as_of: Times
    status: list[str]
    churn_status: list[str]
    churn_probability: Floats
    churn_band: list[str | None]
    purchase_status: list[str]
    purchase_7d: Floats
    purchase_30d: Floats
    purchase_90d: Floats
    expected_at: Times
    low_at: Times
    high_at: Times
    ltv_status: list[str]
    ltv_value: Floats
    ltv_low: Floats
    ltv_high: Floats
    ltv_tier: list[str | None]
    currency: list[str | None]
    segments: Segments
    columns: Columns
    undecidable: NDArray[np.bool_] | None = None
    suggestions: Suggestions | None = None


class Scorer:
    """Scores feature tables with one set of champions."""

    def __init__(
        self, champions: Champions, segmenter: Segmenter, stock: Stock | None = None
    ) -> None:
        self.champions = champions
        self.segmenter = segmenter
        self.stock = stock
        heads = (champions.churn, champions.next_purchase, champions.ltv)
        self._vectors = {
            one.manifest.head: Vectors(one.manifest.features) for one in heads if one is not None
        }

    def score(
        self, sheet: Sheet, stale_views: StaleViews | None = None, *, segments: bool = True
    ) -> Scores:
        """Scores of every customer of a sheet of features, in its order.

        ``stale_views`` names, per customer, feature views whose values were too old to be used.
        Without ``segments`` nobody is told where they belong.

        Raises:
            FingerprintMismatch: a champion needs a feature that is not computed.
        """
        columns, ids, as_of = sheet.columns, sheet.customer_ids, sheet.as_of
        known = Known(
            ids,
            consent.given(columns["withdrawn_purposes"]),
            _numbers(columns, "orders_lifetime") > 0,
            stale_views or {},
        )
        undecidable = too_old(ids, known.stale_views, ())
        rows = _Rows(self._vectors, columns)
        reading = self._reading(rows, as_of)
        churn_status, probability, band = self._churn(columns, rows, known, as_of, reading)
        curve = self._purchase(rows, known, as_of, reading)
        ltv_value, low, high, tier = self._ltv(rows, known, as_of)
        scored = {
            "churn_probability": probability,
            "purchase_probability_7d": curve.p7,
            "purchase_probability_30d": curve.p30,
            "purchase_probability_90d": curve.p90,
            "ltv_value": ltv_value,
        }
        columns = Over(scored, columns)
        return Scores(
            customer_ids=ids,
            as_of=as_of,
            status=self._status(churn_status, known),
            churn_status=churn_status,
            churn_probability=probability,
            churn_band=band,
            purchase_status=statuses_of(known, self.champions.next_purchase),
            purchase_7d=curve.p7,
            purchase_30d=curve.p30,
            purchase_90d=curve.p90,
            expected_at=_days_after(as_of, curve.median_days),
            low_at=_days_after(as_of, curve.low_days),
            high_at=_days_after(as_of, curve.high_days),
            ltv_status=statuses_of(known, self.champions.ltv),
            ltv_value=ltv_value,
            ltv_low=low,
            ltv_high=high,
            ltv_tier=tier,
            currency=columns["currency"].tolist(),
            segments=(
                self.segmenter.segment(columns).without(undecidable)
                if segments
                else unsaid(len(ids))
            ),
            columns=columns,
            undecidable=undecidable,
            suggestions=self._suggestions(columns, as_of, known),
        )

    def popular(self, as_of: datetime) -> Popular:
        """What to suggest at ``as_of`` to visitors of whom nothing is known.

        Raises:
            StoreUnavailable: the product feed was never read and cannot be.
        """
        predictor = self.champions.next_items
        return Popular(
            None if predictor is None else predictor.tables,
            EMPTY if self.stock is None else self.stock.at(as_of),
        )

    def _suggestions(self, columns: Columns, as_of: Times, known: Known) -> Suggestions | None:
        """What everybody may buy next; nothing is computed before it is asked for."""
        predictor = self.champions.next_items
        if predictor is None:
            return None
        allowed = known.allowed(names_of(predictor))
        return Suggestions(predictor, columns, as_of, allowed, self.stock)

    def _status(self, churn_status: list[str], known: Known) -> list[str]:
        """Churn's word on each customer; the others' on those it is not about."""
        others = known.statuses(())
        if self.champions.churn is None:
            return others
        return [
            other if own == INSUFFICIENT_DATA else own
            for own, other in zip(churn_status, others, strict=True)
        ]

    def _reading(self, rows: "_Rows", as_of: Times) -> Reading | None:
        """Everybody's curve, where churn and next purchase read the same one."""
        churn, purchase = self.champions.churn, self.champions.next_purchase
        if churn is None or purchase is None or not read_one_curve(churn, purchase):
            return None
        return purchase.orders.curves(rows.of(purchase.manifest), as_of)

    def _churn(
        self,
        columns: Columns,
        rows: "_Rows",
        known: Known,
        as_of: Times,
        reading: Reading | None,
    ) -> tuple[list[str], Floats, list[str | None]]:
        predictor = self.champions.churn
        if predictor is None:
            statuses = statuses_of(known, predictor)
            return statuses, np.full(len(statuses), np.nan), [None] * len(statuses)
        known = replace(known, bought=standing.is_known(predictor.label, columns))
        statuses = statuses_of(known, predictor)
        gone = standing.has_left(predictor.label, columns, predictor.hiatus_days)
        statuses = [
            ALREADY_CHURNED if status == OK and is_gone else status
            for status, is_gone in zip(statuses, gone.tolist(), strict=True)
        ]
        scored = known.scored(names_of(predictor))
        if reading is None:
            everybodys = predictor.probability(rows.of(predictor.manifest), as_of)
        else:
            everybodys = predictor.read(reading)
        probability = np.where(scored, everybodys, np.nan)
        return statuses, probability, _where_known(predictor.band(probability), probability)

    def _purchase(
        self, rows: "_Rows", known: Known, as_of: Times, reading: Reading | None
    ) -> PurchaseCurve:
        predictor = self.champions.next_purchase
        if predictor is None:
            return PurchaseCurve(*(np.full(len(known.customer_ids), np.nan) for _ in range(6)))
        scored = known.scored(names_of(predictor))
        if reading is None:
            reading = predictor.orders.curves(rows.of(predictor.manifest), as_of)
        curve = predictor.read(reading)
        return PurchaseCurve(
            *(
                np.where(scored, getattr(curve, name), np.nan)
                for name in ("p7", "p30", "p90", "median_days", "low_days", "high_days")
            )
        )

    def _ltv(
        self, rows: "_Rows", known: Known, as_of: Times
    ) -> tuple[Floats, Floats, Floats, list[str | None]]:
        predictor = self.champions.ltv
        if predictor is None:
            nothing = np.full(len(known.customer_ids), np.nan)
            return nothing, nothing, nothing, [None] * len(nothing)
        scored = known.scored(names_of(predictor))
        ltv = predictor.value(rows.of(predictor.manifest), as_of)
        value, low, high = (
            np.where(scored, column, np.nan) for column in (ltv.value, ltv.low, ltv.high)
        )
        return value, low, high, _where_known(predictor.tier(value), value)


class _Rows:
    """The models' matrices of n customers; models of the same features read the same one."""

    def __init__(self, vectors: Mapping[Head, Vectors], columns: Columns) -> None:
        self._vectors = vectors
        self._columns = columns
        self._made: dict[tuple[ModelFeature, ...], Floats] = {}

    def of(self, manifest: Manifest) -> Floats:
        """The matrix of a model, (n, d)."""
        features = tuple(manifest.features)
        made = self._made.get(features)
        if made is None:
            made = self._made[features] = self._vectors[manifest.head].of(self._columns)
        return made


def _numbers(columns: Columns, name: str) -> Floats:
    return columns[name].astype(np.float64)


def _where_known(names: list[str], values: Floats) -> list[str | None]:
    missing = np.isnan(values).tolist()
    return [None if gone else name for name, gone in zip(names, missing, strict=True)]


def _days_after(as_of: Times, days: Floats) -> Times:
    micros = np.round(np.nan_to_num(days) * MICROSECONDS_PER_DAY).astype("timedelta64[us]")
    later: Times = np.where(np.isnan(days), np.datetime64("NaT", "us"), as_of + micros)
    return later
