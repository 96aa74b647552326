"""One block's customers and the shop around them: what every other noun draws from."""

from dataclasses import dataclass

import numpy as np

from retain.simulator.catalogue import Catalogue, catalogue
from retain.simulator.plan import Block, Plan
from retain.simulator.population import Population, populate
from retain.simulator.profiles import Profiles, profiles
from retain.simulator.season import Season
from retain.simulator.tastes import Tastes, tastes


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is fixed before anything happens."""

    plan: Plan
    block: Block
    season: Season
    products: Catalogue
    population: Population
    profiles: Profiles
    tastes: Tastes

    def rng(self, noun: str) -> np.random.Generator:
        """The block's own stream of random numbers for ``noun``."""
        return self.plan.rng(self.block, noun)


def world(plan: Plan, block: Block) -> World:
    """Draw the customers of one block."""
    products = catalogue(plan.seed)
    population = populate(plan, block)
    return World(
        plan=plan,
        block=block,
        season=Season(plan),
        products=products,
        population=population,
        profiles=profiles(plan, block, population),
        tastes=tastes(plan, block, population, products),
    )
