"""What heads, metrics and rules are called on the page and in the card."""

import re

from retain.reasons.words import words
from training.baselines import LAST_YEAR, TITLES

HEADS = {
    "churn": "Churn",
    "next_purchase": "Next purchase",
    "ltv": "Lifetime value",
    "next_items": "Next products and categories",
    "response": "Response to campaigns",
    "rfm": "RFM quintiles",
}
_METRICS = {
    "auc": "AUC",
    "brier": "Brier score (low is good)",
    "log_loss": "Log loss (low is good)",
    "calibration_error": "Calibration error (low is good)",
    "left_in_low": "Share that left, low band",
    "left_in_medium": "Share that left, medium band",
    "left_in_high": "Share that left, high band",
    "ordered_before_interval": "Ordered before the 80 % interval (10 % is right)",
    "ordered_after_interval": "Ordered after the 80 % interval (10 % is right)",
    "gini": "Normalised Gini",
    "spearman": "Rank correlation",
    "mae": "Mean absolute error",
    "level_error": "Bias of the total",
    "interval_coverage": "Share inside the 80 % interval",
    "recall_at_10": "Recall@10, products",
    "ndcg_at_10": "NDCG@10, products",
    "category_recall_at_3": "Recall@3, categories",
    "category_recall_at_10": "Recall@10, categories",
    "product_calibration_error": "Calibration error, products (low is good)",
    "category_calibration_error": "Calibration error, categories (low is good)",
    "qini": "Qini coefficient",
    "uplift_top_30pct": "Uplift among the best 30 %",
}
_RULES = {
    **TITLES,
    LAST_YEAR: "last year's level",
    "recency": "days since the last order",
    "most_frequent": "repeating the most frequent",
    "popular": "popularity",
    "most_bought": "the categories bought most",
    "random": "random order",
    "send_to_all": "contacting all",
}
_DAYS = re.compile(r"^(?P<name>.+)_(?P<days>\d+)d$")


def head(name: str) -> str:
    """``next_purchase``: Next purchase."""
    return HEADS.get(name, _plain(name))


def metric(name: str) -> str:
    """``auc_30d``: AUC, 30 days."""
    if name in _METRICS:
        return _METRICS[name]
    found = _DAYS.match(name)
    if found and found["name"] in _METRICS:
        title, bracket, rest = _METRICS[found["name"]].partition(" (")
        return f"{title}, {found['days']} days{bracket}{rest}"
    return _plain(name)


def rule(name: str) -> str:
    """What a head's own dumb rule is called: ``net_spend_90d``, net spend of the last 90 days."""
    return _RULES.get(name) or feature(name)


def feature(name: str) -> str:
    """A feature in the words reasons use."""
    return words().label(name, "en") if name in words().labels else name.replace("_", " ")


def group(name: str) -> str:
    """A group of features in the words reasons use."""
    names = {one.name: one.names.en for one in words().groups}
    return names.get(name, name.replace("_", " "))


def _plain(name: str) -> str:
    words_ = name.replace("_", " ")
    return words_[:1].upper() + words_[1:]
