"""What really was: the tables that models are judged by and never see."""

import numpy as np
import pyarrow as pa

from retain.simulator.campaigns import RESPONSE_DAYS, calendar
from retain.simulator.columns import DAY, NEVER, IntArray
from retain.simulator.emission import customer_ids
from retain.simulator.jsontext import taken
from retain.simulator.kinds import NAMES
from retain.simulator.tastes import expected_spend
from retain.simulator.timeline import Timeline
from retain.simulator.trials import Assignments, Orders
from retain.simulator.world import World

_TIME = pa.timestamp("us", "UTC")

TRUTH_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("customer_type", pa.string(), nullable=False),
        pa.field("joined_at", _TIME, nullable=False),
        pa.field("churned_at", _TIME),
        pa.field("orders_per_year", pa.float64(), nullable=False),
        pa.field("gap_shape", pa.int64(), nullable=False),
        pa.field("spend_per_order", pa.float64(), nullable=False),
        pa.field("satisfaction", pa.float64(), nullable=False),
    ]
)
CAMPAIGN_TRUTH_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("action_id", pa.string(), nullable=False),
        pa.field("assigned_at", _TIME, nullable=False),
        pa.field("treated", pa.bool_(), nullable=False),
        pa.field("control_probability", pa.float64(), nullable=False),
        pa.field("treated_probability", pa.float64(), nullable=False),
        pa.field("uplift", pa.float64(), nullable=False),
        pa.field("ordered_14d", pa.bool_(), nullable=False),
    ]
)


def customer_truth(world: World) -> pa.Table:
    """One row per customer (:data:`TRUTH_SCHEMA`).

    ``orders_per_year`` is the personal rate at average season without campaigns,
    ``spend_per_order`` its expected value after coupons, before site-wide sales;
    ``churned_at`` is null for who is still there at the end of the window.
    """
    population = world.population
    rows = [
        customer_ids(world),
        pa.array(NAMES).take(pa.array(population.kind)),
        pa.array(population.joined_at, _TIME),
        pa.array(population.churned_at, _TIME, mask=population.churned_at == NEVER),
        pa.array(population.orders_per_year),
        pa.array(population.shape, pa.int64()),
        pa.array(expected_spend(population, world.tastes, world.products)),
        pa.array(population.satisfaction),
    ]
    return pa.Table.from_arrays(rows, schema=TRUTH_SCHEMA)


def campaign_truth(world: World, trials: Assignments, orders: Orders) -> pa.Table:
    """One row per customer and campaign (:data:`CAMPAIGN_TRUTH_SCHEMA`), control included.

    ``uplift`` is ``treated_probability`` less ``control_probability``, both of an order
    within 14 days of ``assigned_at``; ``ordered_14d`` is what came to pass.
    """
    if not len(trials.customer):
        return CAMPAIGN_TRUTH_SCHEMA.empty_table()
    campaigns = calendar(world.plan)
    until = trials.assigned_at + RESPONSE_DAYS * DAY
    ordered = Timeline(orders.customer, orders.ts, world.plan.start).any_within(
        trials.customer, trials.assigned_at, until
    )
    rows = [
        taken(customer_ids(world), trials.customer),
        _named([campaign.campaign_id for campaign in campaigns], trials.campaign),
        _named([campaign.action_id for campaign in campaigns], trials.campaign),
        pa.array(trials.assigned_at, _TIME),
        pa.array(trials.treated),
        pa.array(trials.control_probability),
        pa.array(trials.treated_probability),
        pa.array(trials.treated_probability - trials.control_probability),
        pa.array(np.asarray(ordered)),
    ]
    return pa.Table.from_arrays(rows, schema=CAMPAIGN_TRUTH_SCHEMA)


def _named(names: list[str], codes: IntArray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(codes))
