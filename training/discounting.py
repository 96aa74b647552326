"""Discounting: money that comes later is worth less, by a yearly rate."""

from math import log1p


def mean_factor(rate_per_year: float, days: float) -> float:
    """What money received evenly over the coming ``days`` is worth now, as a share of it."""
    passed = log1p(rate_per_year) * days / 365.0
    return (1.0 - (1.0 + rate_per_year) ** (-days / 365.0)) / passed if passed else 1.0


def wording(rate_per_year: float) -> str:
    """For the text of a label; empty where nothing is discounted."""
    if not rate_per_year:
        return ""
    return f", discounted by {rate_per_year:.4g} a year from the day of receipt"
