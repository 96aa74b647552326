"""The objects of one customer's answer, by part; those of many are :mod:`services.answers`'.

What is the same in every answer of a model is worked out once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from retain.items.suggestions import Suggested
from retain.manifest import Manifest
from retain.moments import told
from retain.one.scoring import OneScores
from retain.reasons import Language
from retain.segments import OneSegment
from retain.signals import Signals
from retain.statuses import OK
from services import answers
from services.answers import Json


class Objects:
    """Makes the objects of answers by these models; None is a head without a model."""

    def __init__(self, manifests: Mapping[str, Manifest], signals: Signals) -> None:
        churn, ltv = manifests.get("churn"), manifests.get("ltv")
        self._signals = signals
        self._churn = {**answers.reach(churn), "model": answers.name(churn)}
        self._purchase = answers.of_curve(manifests.get("next_purchase"))
        self._ltv = {**answers.reach(ltv), "model": answers.name(ltv)}
        self._items = answers.name(manifests.get("next_items"))

    def churn(self, scores: OneScores, as_of: datetime, language: Language) -> Json:
        """As :func:`services.answers.churn`."""
        status = scores.churn_status
        speaks = answers.SILENT.isdisjoint((status, scores.status))
        told = self._signals.of_one(scores.features, as_of) if speaks else ()
        shown = status == OK
        return {
            "probability": scores.churn_probability if shown else None,
            "band": scores.churn_band if shown else None,
            **self._churn,
            "status": status,
            "signals": [answers.signal(one, language) for one in told],
        }

    def next_purchase(self, scores: OneScores, suggested: Suggested | None) -> Json:
        """As :func:`services.answers.next_purchase`; None suggests nothing."""
        status = scores.purchase_status
        near: Sequence[float | None] = (None, None, None)
        low = median = high = None
        if status == OK and scores.near is not None and scores.expected is not None:
            near = scores.near
            low, median, high = [told(moment) for moment in scores.expected]
        else:
            suggested = None
        return {
            "probability_7d": near[0],
            "probability_30d": near[1],
            "probability_90d": near[2],
            "expected_at": median,
            "low_at": low,
            "high_at": high,
            **self._purchase,
            "status": status,
            "next_categories": [] if suggested is None else answers.categories(suggested, 0),
            "next_products": [] if suggested is None else answers.products(suggested, 0),
            "items_model": self._items,
        }

    def ltv(self, scores: OneScores) -> Json:
        """As :func:`services.answers.ltv`."""
        status, found = scores.ltv_status, scores.ltv
        if status != OK or found is None:
            value = low = high = tier = None
        else:
            value, low, high, tier = found
        return {
            "value": value,
            "low": low,
            "high": high,
            "tier": tier,
            **self._ltv,
            "status": status,
            "currency": scores.features["currency"],
        }


def segment(found: OneSegment) -> Json:
    """As :func:`services.answers.segment`."""
    return found._asdict()
