"""Prometheus metrics: what is counted, and never a customer's id in a label."""

from services.metrics.exposition import CONTENT_TYPE
from services.metrics.families import PREFIX
from services.metrics.quality_gauges import EXAMINED_AT
from services.metrics.recorder import NO_ARM, PREVIEW, RESERVED, UNKNOWN_PATH, Metrics

__all__ = [
    "CONTENT_TYPE",
    "EXAMINED_AT",
    "NO_ARM",
    "PREFIX",
    "PREVIEW",
    "RESERVED",
    "UNKNOWN_PATH",
    "Metrics",
]
