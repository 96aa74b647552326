"""What customers like: favourite categories, staples, and where in the price range they buy."""

from dataclasses import dataclass

import numpy as np

from retain.simulator.catalogue import CATEGORIES, Catalogue, taste
from retain.simulator.columns import FloatArray, IntArray, pick
from retain.simulator.kinds import each
from retain.simulator.plan import Block, Plan
from retain.simulator.population import Population

# chances that a line is of the first, second, third favourite, or of any category
FAVOURITE_WEIGHTS = (0.50, 0.22, 0.13, 0.15)
_ANY = len(FAVOURITE_WEIGHTS) - 1
# quantity of a line: 1, 2, 3, 6
QUANTITIES = np.array([1, 2, 3, 6])
QUANTITY_WEIGHTS = (0.72, 0.18, 0.07, 0.03)
MEAN_QUANTITY = float(QUANTITIES @ np.array(QUANTITY_WEIGHTS))
COUPONS = ("SAVE10", "SAVE15", "SAVE20", "WINBACK15")
COUPON_SHARE = np.array([0.10, 0.15, 0.20, 0.15])
COUPON_WEIGHTS = (0.45, 0.30, 0.25, 0.0)  # the last comes with a campaign only
MEAN_COUPON = float(COUPON_SHARE @ np.array(COUPON_WEIGHTS))


@dataclass(frozen=True, slots=True)
class Tastes:
    """Favourites and staples are (customers, 3): categories, and the product of each."""

    favourites: IntArray
    staples: IntArray
    premium: FloatArray
    repeat: FloatArray
    popularity: FloatArray

    def pick(self, rng: np.random.Generator, products: Catalogue, customer: IntArray) -> IntArray:
        """One product per row of ``customer``, by that customer's taste."""
        slot = pick(rng, FAVOURITE_WEIGHTS, len(customer))
        anything = pick(rng, self.popularity, len(customer))
        liked = np.minimum(slot, _ANY - 1)
        category = np.where(slot == _ANY, anything, self.favourites[customer, liked])
        rank = taste(self.premium[customer], rng.standard_normal(len(customer)))
        fresh = products.at_rank(category, rank)
        staple = (slot < _ANY) & (rng.random(len(customer)) < self.repeat[customer])
        return np.where(staple, self.staples[customer, liked], fresh)


def tastes(plan: Plan, block: Block, population: Population, products: Catalogue) -> Tastes:
    """Draw what the customers of one block like."""
    rng = plan.rng(block, "tastes")
    n = len(population)
    popularity = 1.0 / (1.0 + np.arange(len(CATEGORIES)) % 7)
    gumbel = np.log(popularity) + rng.gumbel(size=(n, len(CATEGORIES)))
    favourites = np.argsort(-gumbel, axis=1)[:, :_ANY].astype(np.int64)
    premium = np.clip(each("premium")[population.kind] + 0.12 * rng.standard_normal(n), 0.02, 0.98)
    rank = taste(np.repeat(premium, _ANY), rng.standard_normal(n * _ANY))
    staples = products.at_rank(favourites.ravel(), rank).reshape(n, _ANY)
    repeat = np.clip(each("repeat")[population.kind] * rng.uniform(0.6, 1.3, n), 0, 0.9)
    return Tastes(favourites, staples, premium, repeat, popularity / popularity.sum())


def expected_spend(population: Population, liked: Tastes, products: Catalogue) -> FloatArray:
    """Expected value of one order (customers,), after coupons, before site-wide sales."""
    column = np.rint(liked.premium * 100).astype(np.int64)
    fresh = products.mean_pence[liked.favourites, column[:, None]]
    repeat = liked.repeat[:, None]
    line = repeat * products.pence[liked.staples] + (1 - repeat) * fresh
    weights = np.array(FAVOURITE_WEIGHTS)
    anything = liked.popularity @ products.mean_pence[:, column]
    pence = line @ weights[:_ANY] + weights[_ANY] * anything
    discount = 1 - population.coupon_rate * MEAN_COUPON
    return np.asarray(population.lines * MEAN_QUANTITY * pence * discount / 100)
