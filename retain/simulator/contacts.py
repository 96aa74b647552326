"""Support contacts: trouble with orders, and the complaints that come before some leave."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retain.simulator.columns import (
    DAY,
    HOUR,
    FloatArray,
    IntArray,
    chance,
    micros,
    owners,
    pick,
)
from retain.simulator.emission import CHAT, EMAIL, HELPDESK, PHONE, Happened, happened
from retain.simulator.jsontext import coded, decimal, lists, numbered, objects, quoted, whole
from retain.simulator.trials import Orders
from retain.simulator.world import World

TOPICS = ("delivery", "quality", "price", "payment", "service", "returns")
LABELS = ("negative", "neutral", "positive")
COMPETITORS = ("homenest", "casa_direct")
_AFTER_ORDER = (0.36, 0.22, 0.04, 0.10, 0.08, 0.20)
_BEFORE_LEAVING = (0.16, 0.28, 0.26, 0.04, 0.26, 0.00)
_GRUMBLES = 0.10  # of those who stay or leave for other reasons complain in earnest too
_TICKETS_PER_ORDER = 0.045
_CLOSED = 0.85


@dataclass(frozen=True, slots=True)
class _Tickets:
    customer: IntArray
    ts: IntArray
    topic: IntArray
    sentiment: FloatArray
    competitor: IntArray


def contacts(world: World, orders: Orders) -> list[Happened]:
    """Tickets opened and closed, and the calls and chats about them."""
    rng = world.rng("contacts")
    parts = [_about_orders(rng, world, orders), _complaints(rng, world)]
    tickets = _Tickets(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("customer", "ts", "topic", "sentiment", "competitor")
        )
    )
    return _events(rng, world, tickets)


def _about_orders(rng: np.random.Generator, world: World, orders: Orders) -> _Tickets:
    satisfaction = world.population.satisfaction[orders.customer]
    often = np.clip(_TICKETS_PER_ORDER * np.exp(-0.5 * satisfaction), 0, 0.5)
    which = np.flatnonzero(chance(rng, often, len(orders.ts)))
    n = len(which)
    return _Tickets(
        customer=orders.customer[which],
        ts=orders.ts[which] + micros(rng.uniform(0.5, 9, n) * DAY),
        topic=pick(rng, _AFTER_ORDER, n),
        sentiment=-0.05 + 0.22 * satisfaction[which] + 0.30 * rng.standard_normal(n),
        competitor=np.full(n, -1, dtype=np.int64),
    )


def _complaints(rng: np.random.Generator, world: World) -> _Tickets:
    """One to four in the weeks before the end; some grumble and stay."""
    population, plan = world.population, world.plan
    n = len(population)
    grumbles = chance(rng, _GRUMBLES, n)
    anytime = population.begins_at + micros(
        rng.random(n) * (np.minimum(population.churned_at, plan.end) - population.begins_at)
    )
    around = np.where(population.complains, population.churned_at, anytime)
    wanted = np.where(population.complains | grumbles, 1 + rng.poisson(1.1, n), 0)
    customer = owners(wanted.astype(np.int64))
    ts = around[customer] - micros(rng.uniform(1, 65, len(customer)) * DAY)
    ts = world.population.at_usual_hour(rng, customer, ts)
    keep = ts > population.begins_at[customer]
    customer, ts = customer[keep], ts[keep]
    n = len(ts)
    names_one = chance(rng, 0.15, n) & population.complains[customer]
    return _Tickets(
        customer=customer,
        ts=ts,
        topic=pick(rng, _BEFORE_LEAVING, n),
        sentiment=-0.50 + 0.12 * population.satisfaction[customer] + 0.25 * rng.standard_normal(n),
        competitor=np.where(names_one, rng.integers(0, len(COMPETITORS), n), -1),
    )


def _events(rng: np.random.Generator, world: World, tickets: _Tickets) -> list[Happened]:
    n = len(tickets.ts)
    ids = quoted(numbered(f"t-{world.plan.run_id}-{world.block.number}", np.arange(n)))
    topic = coded(tickets.topic, TOPICS)
    sentiment = np.clip(tickets.sentiment, -1, 1)
    felt = {
        "sentiment": decimal(sentiment),
        "sentiment_label": coded(np.digitize(sentiment, [-0.2, 0.2]), LABELS),
        "topics": lists(topic, np.ones(n, dtype=np.int64)),
    }
    channel = np.array([EMAIL, CHAT, PHONE])[pick(rng, (0.6, 0.25, 0.15), n)]
    opened = objects(
        n, ticket_id=ids, topic=topic, competitor=coded(tickets.competitor, COMPETITORS), **felt
    )
    events = [
        happened(
            "ticket_opened", tickets.ts, tickets.customer, opened, source=HELPDESK, channel=channel
        )
    ]
    for event_type, spoken_on in (("call_logged", PHONE), ("chat_ended", CHAT)):
        rows = np.flatnonzero(channel == spoken_on)
        seconds = rng.integers(60, 1_500, len(rows))
        talked = objects(
            len(rows),
            ticket_id=ids.take(pa.array(rows)),
            topic=topic.take(pa.array(rows)),
            duration_seconds=whole(seconds),
            **{name: text.take(pa.array(rows)) for name, text in felt.items()},
        )
        events.append(
            happened(
                event_type,
                tickets.ts[rows] + seconds * 1_000_000,
                tickets.customer[rows],
                talked,
                source=HELPDESK,
                channel=spoken_on,
            )
        )
    return [*events, _closed(rng, tickets, ids, topic)]


def _closed(
    rng: np.random.Generator, tickets: _Tickets, ids: pa.Array, topic: pa.Array
) -> Happened:
    rows = np.flatnonzero(chance(rng, _CLOSED, len(tickets.ts)))
    pleased = 3.6 + 1.8 * tickets.sentiment[rows] + 0.8 * rng.standard_normal(len(rows))
    score = np.clip(np.rint(pleased), 1, 5).astype(np.int64)
    answers = chance(rng, 0.5, len(rows))
    properties = objects(
        len(rows),
        ticket_id=ids.take(pa.array(rows)),
        topic=topic.take(pa.array(rows)),
        score=_given(score, answers),
    )
    ts = tickets.ts[rows] + micros(rng.uniform(1, 140, len(rows)) * HOUR)
    return happened("ticket_closed", ts, tickets.customer[rows], properties, source=HELPDESK)


def _given(score: IntArray, answers: np.ndarray) -> pa.Array:
    return pa.array(score, pa.int64(), mask=~answers).cast(pa.string())
