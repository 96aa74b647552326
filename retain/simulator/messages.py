"""What campaigns leave in the log: the assignment of everyone, the messages of the treated."""

import numpy as np
import pyarrow as pa

from retain.simulator.campaigns import calendar
from retain.simulator.columns import HOUR, NEVER, SECOND, IntArray, chance, micros
from retain.simulator.emission import CAMPAIGNS, CHANNELS, CRM, EMAIL, Happened, happened
from retain.simulator.jsontext import coded, numbered, objects, quoted
from retain.simulator.trials import Assignments
from retain.simulator.world import World

VARIANTS = ("control", "treatment")
TREATMENT = "standard"
_OPENS = 0.30
_OPENS_PUSH = 0.16
_CLICKS = 0.14
_OPENS_IF_GONE = 0.35
_WITHDRAWS = 0.5


def messages(world: World, trials: Assignments) -> list[Happened]:
    """``experiment_viewed`` for all, then each treated customer's message and its fate."""
    rng = world.rng("messages")
    n = len(trials.customer)
    if n == 0:
        return []
    email = _channel(world, trials) == EMAIL
    sent_at = trials.assigned_at + micros(rng.uniform(5, 900, n) * SECOND)
    arrived_at = sent_at + micros(rng.uniform(1, 60, n) * SECOND)
    opened_at, clicked_at = _reactions(rng, world, trials, email, arrived_at)
    left = trials.unsubscribed_at != NEVER
    withdrawn = np.flatnonzero(left & email & chance(rng, _WITHDRAWS, n))
    return [
        _assigned(world, trials),
        _message(world, trials, "message_sent", trials.treated, sent_at),
        _message(world, trials, "message_delivered", trials.delivered, arrived_at),
        _message(world, trials, "message_bounced", trials.treated & ~trials.delivered, arrived_at),
        _message(world, trials, "message_opened", opened_at != NEVER, opened_at),
        _message(world, trials, "message_clicked", clicked_at != NEVER, clicked_at),
        _message(world, trials, "message_unsubscribed", left, trials.unsubscribed_at),
        happened(
            "consent_withdrawn",
            trials.unsubscribed_at[withdrawn] + 30 * SECOND,
            trials.customer[withdrawn],
            objects(len(withdrawn), purpose="marketing"),
            source=CRM,
            channel=EMAIL,
        ),
    ]


def _channel(world: World, trials: Assignments) -> IntArray:
    codes = np.array([CHANNELS.index(c.channel) for c in calendar(world.plan)])
    return codes[trials.campaign]


def _reactions(
    rng: np.random.Generator,
    world: World,
    trials: Assignments,
    email: np.ndarray,
    arrived_at: IntArray,
) -> tuple[IntArray, IntArray]:
    """When messages were opened and clicked, NEVER where not; who answered did both."""
    n = len(trials.customer)
    population = world.population
    answered = trials.added_at != NEVER
    gone = population.churned_at[trials.customer] <= trials.assigned_at
    usual = np.where(email, _OPENS, _OPENS_PUSH)
    usual = usual * np.exp(0.25 * population.satisfaction[trials.customer])
    usual = usual * np.where(gone, _OPENS_IF_GONE, 1.0)
    opens = trials.delivered & (answered | chance(rng, np.clip(usual, 0, 0.9), n))
    clicks = opens & (answered | chance(rng, _CLICKS, n))
    patience = micros(np.minimum(rng.exponential(7.0, n), 96) * HOUR)
    # who orders because of a message has read it before the visit that ends in the order
    patience = np.where(answered, (trials.added_at - arrived_at) // 4, patience)
    opened_at = arrived_at + patience // 1_000 * 1_000
    clicked_at = opened_at + micros(rng.uniform(3, 90, n) * SECOND)
    return np.where(opens, opened_at, NEVER), np.where(clicks, clicked_at, NEVER)


def _assigned(world: World, trials: Assignments) -> Happened:
    names = tuple(campaign.campaign_id for campaign in calendar(world.plan))
    treated = trials.treated.astype(np.int64)
    properties = objects(
        len(treated),
        experiment_id=coded(trials.campaign, names),
        variant=coded(treated, VARIANTS),
        campaign_id=coded(trials.campaign, names),
        action_id=_action(world, trials.campaign),
        treatment=coded(treated - 1, (TREATMENT,)),
    )
    return happened(
        "experiment_viewed", trials.assigned_at, trials.customer, properties, source=CAMPAIGNS
    )


def _message(
    world: World, trials: Assignments, event_type: str, which: np.ndarray, at: IntArray
) -> Happened:
    rows = np.flatnonzero(which)
    names = tuple(campaign.campaign_id for campaign in calendar(world.plan))
    properties = objects(
        len(rows),
        message_id=quoted(numbered(f"m-{world.plan.run_id}-{world.block.number}", rows)),
        campaign_id=coded(trials.campaign[rows], names),
        action_id=_action(world, trials.campaign[rows]),
        treatment=TREATMENT,
    )
    return happened(
        event_type,
        at[rows],
        trials.customer[rows],
        properties,
        source=CAMPAIGNS,
        channel=_channel(world, trials)[rows],
    )


def _action(world: World, campaign: IntArray) -> pa.Array:
    return coded(campaign, tuple(c.action_id for c in calendar(world.plan)))
