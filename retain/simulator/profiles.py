"""What the shop knows about its customers: where they live, how they can be reached."""

from dataclasses import dataclass

import numpy as np

from retain.simulator.columns import BoolArray, IntArray, chance, pick
from retain.simulator.kinds import BARGAIN, BROWSER, GIFT, VIP, each
from retain.simulator.plan import Block, Plan
from retain.simulator.population import Population, tier_after

TIERS = ("basic", "silver", "gold")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
ACQUISITION_SOURCES = (
    "search",
    "social",
    "referral",
    "email",
    "affiliate",
    "direct",
    "marketplace",
)
# country, region, time zone, language, weight
PLACES = (
    ("GB", "London", "Europe/London", "en", 0.24),
    ("GB", "South East", "Europe/London", "en", 0.16),
    ("GB", "North West", "Europe/London", "en", 0.14),
    ("GB", "Scotland", "Europe/London", "en", 0.10),
    ("GB", "Wales", "Europe/London", "en", 0.06),
    ("IE", "Leinster", "Europe/Dublin", "en", 0.07),
    ("DE", "Berlin", "Europe/Berlin", "de", 0.07),
    ("DE", "Bayern", "Europe/Berlin", "de", 0.06),
    ("FR", "Ile-de-France", "Europe/Paris", "fr", 0.06),
    ("NL", "Noord-Holland", "Europe/Amsterdam", "nl", 0.04),
)
_SOURCE_WEIGHTS = {
    GIFT: (0.40, 0.20, 0.06, 0.04, 0.05, 0.15, 0.10),
    BARGAIN: (0.20, 0.18, 0.03, 0.08, 0.36, 0.05, 0.10),
    VIP: (0.20, 0.08, 0.38, 0.10, 0.02, 0.22, 0.00),
    BROWSER: (0.25, 0.50, 0.03, 0.02, 0.10, 0.10, 0.00),
}
_SOURCE_OF_OTHERS = (0.30, 0.18, 0.14, 0.08, 0.08, 0.17, 0.05)


@dataclass(frozen=True, slots=True)
class Profiles:
    """Codes into the tuples of this module, (customers,) each.

    ``orders_before`` is how often they had ordered before the window, ``tier`` what that
    had earned them.
    """

    place: IntArray
    age_band: IntArray
    acquisition_source: IntArray
    orders_before: IntArray
    tier: IntArray
    email: BoolArray
    push: BoolArray


def profiles(plan: Plan, block: Block, population: Population) -> Profiles:
    """Draw the profiles of one block."""
    rng = plan.rng(block, "profiles")
    n = len(population)
    source = pick(rng, _SOURCE_OF_OTHERS, n)
    for kind, weights in _SOURCE_WEIGHTS.items():
        source = np.where(population.kind == kind, pick(rng, weights, n), source)
    years = (population.begins_at - population.joined_at) / (365.25 * 86_400_000_000)
    orders_before = rng.poisson(population.orders_per_year * years).astype(np.int64)
    age = pick(rng, (0.12, 0.24, 0.23, 0.18, 0.14, 0.09), n)
    has_app = population.app_share > 0
    return Profiles(
        place=pick(rng, [place[4] for place in PLACES], n),
        age_band=age,
        acquisition_source=source,
        orders_before=orders_before,
        tier=tier_after(orders_before),
        email=chance(rng, np.where(each("orders_per_year")[population.kind] > 0, 0.88, 0.70), n),
        push=chance(rng, np.where(has_app, 0.75, 0.22), n),
    )
