"""The latent customer types: a table of what their customers have in common."""

import numpy as np

from retain.simulator.columns import FloatArray

NAMES = (
    "occasional_gift_buyer",
    "regular_replenisher",
    "bargain_hunter",
    "vip",
    "one_and_done",
    "browser",
)
GIFT, REGULAR, BARGAIN, VIP, ONCE, BROWSER = range(len(NAMES))

# Medians per year, shares and chances in [0, 1]. Rows that a name does not explain:
#   joined_before: chance to be a customer already when the window opens
#   rate_spread: sigma of the log of the personal order rate
#   shape_from, shape_to: Erlang shape of the gaps between orders (1: random, 7: a metronome)
#   lifetime_days: mean time to the silent end of the relation
#   premium: where in a category's price range they buy
#   repeat: chance that an order line is one of the customer's staples
#   peak: how strongly the yearly season moves them
_TABLE = {
    #                   gift  regular bargain  vip   once  browser
    "share":           (0.22,  0.25,   0.17,  0.06,  0.16,  0.14),
    "joined_before":   (0.45,  0.50,   0.45,  0.55,  0.00,  0.35),
    "orders_per_year": (2.60,  6.00,   4.00,  13.0,  0.50,  0.00),
    "rate_spread":     (0.50,  0.60,   0.60,  0.35,  0.40,  0.00),
    "shape_from":      (1,     3,      1,     2,     1,     1),
    "shape_to":        (2,     7,      2,     4,     1,     1),
    "lifetime_days":   (950,   800,    600,   1000,  45,    300),
    "visits_per_year": (9.00,  17.0,   20.0,  30.0,  7.00,  14.0),
    "lines":           (2.00,  2.60,   1.90,  3.20,  1.50,  1.00),
    "premium":         (0.55,  0.45,   0.22,  0.75,  0.40,  0.50),
    "repeat":          (0.10,  0.60,   0.20,  0.35,  0.00,  0.00),
    "coupon_rate":     (0.07,  0.10,   0.52,  0.12,  0.20,  0.00),
    "return_rate":     (0.05,  0.05,   0.09,  0.07,  0.08,  0.00),
    "cart_rate":       (0.16,  0.22,   0.30,  0.25,  0.15,  0.10),
    "peak":            (2.60,  0.40,   1.00,  0.70,  0.80,  1.00),
    "subscribes":      (0.00,  0.12,   0.01,  0.18,  0.00,  0.00),
}  # fmt: skip


def each(attribute: str) -> FloatArray:
    """One number per type, in the order of :data:`NAMES`."""
    return np.array(_TABLE[attribute], dtype=np.float64)
