"""The product catalogue: about 400 products in 12 categories, the same for every block."""

import zlib
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import pyarrow as pa

from retain.simulator.columns import BoolArray, FloatArray, IntArray

CURRENCY = "GBP"
_TYPICAL_PRICE = {
    "bags": 24.0, "bath": 11.0, "candles": 9.5, "decor": 18.0, "garden": 27.0, "kitchen": 16.0,
    "lighting": 34.0, "pet": 13.0, "stationery": 6.5, "tea": 8.0, "textiles": 29.0, "toys": 14.0,
}  # fmt: skip
CATEGORIES = tuple(_TYPICAL_PRICE)
_STYLES = ("Blue", "Vintage", "Nordic", "Floral", "Oak", "Classic", "Striped", "Copper", "Linen")
_RANKS = 101
_TASTE_SPREAD = 0.18


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products sorted by category, then price. Prices are whole pennies.

    ``first`` and ``size`` (12,) say where each category stands; ``mean_pence`` (12, 101)
    is the expected price of a line by category and by the buyer's premium in per cent.
    """

    product_ids: tuple[str, ...]
    names: tuple[str, ...]
    category: IntArray
    pence: IntArray
    margin: FloatArray
    in_stock: BoolArray
    first: IntArray
    size: IntArray
    mean_pence: FloatArray

    def at_rank(self, category: IntArray, rank: FloatArray) -> IntArray:
        """The product at ``rank`` (0 cheapest … 1 dearest) of its category."""
        size = self.size[category]
        inside = np.clip((rank * size).astype(np.int64), 0, size - 1)
        return np.asarray(self.first[category] + inside, dtype=np.int64)

    def to_table(self) -> pa.Table:
        """The product feed. ``margin`` is the share of the price that is earned, 0 to 1."""
        return pa.table(
            {
                "product_id": pa.array(self.product_ids, pa.string()),
                "name": pa.array(self.names, pa.string()),
                "category": pa.array([CATEGORIES[c] for c in self.category], pa.string()),
                "price": pa.array(self.pence / 100, pa.float64()),
                "margin": pa.array(self.margin, pa.float64()),
                "in_stock": pa.array(self.in_stock, pa.bool_()),
            }
        )


@cache
def catalogue(seed: int) -> Catalogue:
    """The shop's catalogue; every block of one shop sees the same."""
    rng = np.random.default_rng([seed, zlib.crc32(b"catalogue")])
    size = rng.integers(28, 40, len(CATEGORIES))
    category = np.repeat(np.arange(len(CATEGORIES)), size)
    typical = np.array(list(_TYPICAL_PRICE.values()))[category]
    drawn = np.exp(np.log(typical) + 0.55 * rng.standard_normal(len(category)))
    pence = np.maximum(np.rint(drawn * 20) * 5 - 1, 99).astype(np.int64)
    pence = pence[np.lexsort((pence, category))]
    first = np.cumsum(size) - size
    names = tuple(
        f"{_STYLES[i % len(_STYLES)]} {CATEGORIES[c]} no. {i + 1}" for i, c in enumerate(category)
    )
    return Catalogue(
        product_ids=tuple(f"P{i + 1:04d}" for i in range(len(category))),
        names=names,
        category=category,
        pence=pence,
        margin=np.round(rng.uniform(0.25, 0.60, len(category)), 2),
        in_stock=rng.random(len(category)) > 0.04,
        first=first,
        size=size,
        mean_pence=_mean_pence(pence, first, size),
    )


def taste(premium: FloatArray, normal: FloatArray) -> FloatArray:
    """The price rank a customer of ``premium`` picks, given a standard normal draw."""
    return np.clip(premium + _TASTE_SPREAD * normal, 0.0, 0.999)


def _mean_pence(pence: IntArray, first: IntArray, size: IntArray) -> FloatArray:
    slices = np.array([NormalDist().inv_cdf((i + 0.5) / 41) for i in range(41)])
    ranks = taste(np.linspace(0, 1, _RANKS)[:, None], slices[None, :])
    rows = (ranks[None] * size[:, None, None]).astype(np.int64) + first[:, None, None]
    return np.asarray(pence[rows].mean(axis=2), dtype=np.float64)
