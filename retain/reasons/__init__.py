"""Reasons: what moved a customer's scores, as codes and in words."""

from retain.reasons.explaining import Explainer
from retain.reasons.reason import HEADS, Reason
from retain.reasons.words import LANGUAGES, Language, words

__all__ = ["HEADS", "LANGUAGES", "Explainer", "Language", "Reason", "words"]
