"""One block of a shop, from its seed to its events and its truth."""

from dataclasses import dataclass

import pyarrow as pa

from retain.simulator.baskets import baskets
from retain.simulator.browsing import browsing
from retain.simulator.checkout import checkout
from retain.simulator.contacts import contacts
from retain.simulator.emission import to_table
from retain.simulator.interest import interest
from retain.simulator.memberships import memberships
from retain.simulator.messages import messages
from retain.simulator.opinions import opinions
from retain.simulator.plan import Block, Plan
from retain.simulator.purchases import purchases
from retain.simulator.refunds import refunds
from retain.simulator.sessions import sessions
from retain.simulator.subscriptions import subscriptions
from retain.simulator.trials import run
from retain.simulator.truth import campaign_truth, customer_truth
from retain.simulator.world import world


@dataclass(frozen=True, slots=True)
class SimulatedBlock:
    """The events (in time order) and the two truth tables of one block."""

    customers: int
    events: pa.Table
    truth: pa.Table
    campaign_truth: pa.Table


def simulate_block(plan: Plan, block: Block) -> SimulatedBlock:
    """Draw one block; depends on the plan's seed and window and the block alone."""
    here = world(plan, block)
    trials, orders = run(here, purchases(here))
    filled = baskets(here, orders)
    visits = sessions(here, orders, filled)
    about = interest(here, filled, visits)
    events = to_table(
        here,
        [
            *memberships(here, orders),
            *browsing(here, visits, about),
            *checkout(here, orders, filled, visits, about.abandoned),
            *refunds(here, orders, filled),
            *messages(here, trials),
            *contacts(here, orders),
            *opinions(here, orders, filled),
            *subscriptions(here),
        ],
    )
    return SimulatedBlock(
        block.customers, events, customer_truth(here), campaign_truth(here, trials, orders)
    )
