"""The names a rule may use, and the kind of each: what segments and actions are written in."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from numpy.typing import NDArray

from retain.features.catalogue import FEATURES, RATIOS
from retain.features.feature import Dtype

Kind = Literal["number", "text", "list"]
Columns = Mapping[str, NDArray[Any]]
"""Arrays of n rows by name: float64 (NaN = missing), objects of str | None, or of lists."""

_KIND_OF: Mapping[Dtype, Kind] = {
    "number": "number",
    "since": "number",
    "until": "number",
    "text": "text",
    "texts": "list",
}


def _kinds(numbers: str = "", texts: str = "", lists: str = "") -> dict[str, Kind]:
    kinds: dict[str, Kind] = dict.fromkeys(numbers.split(), "number")
    kinds |= dict.fromkeys(texts.split(), "text")
    kinds |= dict.fromkeys(lists.split(), "list")
    return kinds


READ_TIME: Mapping[str, Kind] = {
    **{feature.name: _KIND_OF[feature.dtype] for feature in FEATURES},
    **{ratio.name: "number" for ratio in RATIOS},
    "currency": "text",
}
"""Features as they are read: aged to the moment of the question."""

RFM: Mapping[str, Kind] = _kinds("r f m")
"""Quintile scores 1 (worst) to 5 (best); missing for customers who never ordered."""

FITTED: Mapping[str, Kind] = _kinds("vip_spend_365d")
"""Edges fitted on the whole base, the same for every row."""

SEGMENT: Mapping[str, Kind] = _kinds("", "segment priority stage", "tags")

SCORES: Mapping[str, Kind] = _kinds(
    """churn_probability purchase_probability_7d purchase_probability_30d purchase_probability_90d
    days_to_expected_order ltv_value ltv_low ltv_high""",
    "status churn_band ltv_tier",
)

CONTEXT: Mapping[str, Kind] = _kinds(
    """context_views context_searches context_seconds context_cart_items context_cart_value
    context_hour context_weekday""",
    """context_channel context_device context_page context_country context_region context_store
    context_source""",
)
"""What a live request says about the moment; missing in batch."""

SEGMENT_RULES: Mapping[str, Kind] = {**READ_TIME, **RFM, **FITTED}
ACTION_RULES: Mapping[str, Kind] = {**READ_TIME, **RFM, **SEGMENT, **SCORES, **CONTEXT}


class Over(Mapping[str, NDArray[Any]]):
    """Columns over others: what both have is of the first. Nothing is copied, nothing asked for."""

    __slots__ = ("_own", "base")

    def __init__(self, own: Columns, base: Columns) -> None:
        self._own = own
        self.base = base

    def __getitem__(self, name: str) -> NDArray[Any]:
        found = self._own.get(name)
        return self.base[name] if found is None else found

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self.base

    def __iter__(self) -> Iterator[str]:
        yield from self.base
        yield from (name for name in self._own if name not in self.base)

    def __len__(self) -> int:
        return sum(1 for _ in self)
