"""What the shop knows about its customers: where they live, how they can be reached."""

from dataclasses import dataclass

import numpy as np

from retain.simulator.columns import DAY, NEVER, BoolArray, IntArray, chance, micros, pick
from retain.simulator.kinds import BARGAIN, BROWSER, GIFT, VIP
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
_WITHDRAWS = 0.02
_WITHDRAWS_LEAVING = 0.06
_SOURCE_OF_OTHERS = (0.30, 0.18, 0.14, 0.08, 0.08, 0.17, 0.05)


@dataclass(frozen=True, slots=True)
class Profiles:
    """Codes into the tuples of this module, (customers,) each.

    ``orders_before`` is how often they had ordered before the window, ``tier`` what that
    had earned them. ``withdraws_at``: when they take back their consent to e-mail of
    their own accord, mostly on the way out; NEVER for most.
    """

    place: IntArray
    age_band: IntArray
    acquisition_source: IntArray
    orders_before: IntArray
    tier: IntArray
    email: BoolArray
    push: BoolArray
    withdraws_at: IntArray


def profiles(plan: Plan, block: Block, population: Population) -> Profiles:
    """Draw the profiles of one block."""
    rng = plan.rng(block, "profiles")
    n = len(population)
    source = pick(rng, _SOURCE_OF_OTHERS, n)
    for kind, weights in _SOURCE_WEIGHTS.items():
        source = np.where(population.kind == kind, pick(rng, weights, n), source)
    years = (population.begins_at - population.joined_at) / (365.25 * DAY)
    orders_before = rng.poisson(population.orders_per_year * years).astype(np.int64)
    age = pick(rng, (0.12, 0.24, 0.23, 0.18, 0.14, 0.09), n)
    has_app = population.app_share > 0
    email = chance(rng, np.where(population.kind == BROWSER, 0.70, 0.88), n)
    return Profiles(
        place=pick(rng, [place[4] for place in PLACES], n),
        age_band=age,
        acquisition_source=source,
        orders_before=orders_before,
        tier=tier_after(orders_before),
        email=email,
        push=chance(rng, np.where(has_app, 0.75, 0.22), n),
        withdraws_at=np.where(email, _withdrawals(plan, rng, population), NEVER),
    )


def _withdrawals(plan: Plan, rng: np.random.Generator, population: Population) -> IntArray:
    n = len(population)
    leaving = (population.churned_at != NEVER) & chance(rng, _WITHDRAWS_LEAVING, n)
    any_day = chance(rng, _WITHDRAWS, n)
    until = np.minimum(population.churned_at, plan.end)
    part = np.where(leaving, rng.uniform(0.9, 1.0, n), rng.uniform(0.1, 1.0, n))
    at = population.begins_at + micros(part * (until - population.begins_at))
    return np.where(leaving | any_day, at, NEVER)
