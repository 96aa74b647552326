"""Predictors: models read from their folders, checked, and asked for numbers."""

from retain.predictors.churn import ChurnPredictor
from retain.predictors.loading import Predictor, load, load_all, verify
from retain.predictors.ltv import LtvPredictor, LtvValue
from retain.predictors.next_items import NextItemsPredictor
from retain.predictors.next_purchase import NextPurchasePredictor, PurchaseCurve
from retain.predictors.response import ResponsePredictor

__all__ = [
    "ChurnPredictor",
    "LtvPredictor",
    "LtvValue",
    "NextItemsPredictor",
    "NextPurchasePredictor",
    "Predictor",
    "PurchaseCurve",
    "ResponsePredictor",
    "load",
    "load_all",
    "verify",
]
