"""What visits leave in the log: pages, categories, searches, products, the cart."""

import numpy as np
import pyarrow as pa

from retain.simulator.catalogue import CATEGORIES, CURRENCY
from retain.simulator.columns import FloatArray, IntArray, chance, micros, owners, pick
from retain.simulator.emission import APP, MOBILE_APP, NONE, SITE, Happened, happened
from retain.simulator.interest import Interest, Items
from retain.simulator.jsontext import coded, money, objects, quoted, taken, whole
from retain.simulator.sessions import Sessions
from retain.simulator.world import World

PAGES = ("home", "offers", "account", "help", "delivery", "stories")
_PAGE_WEIGHTS = (0.46, 0.18, 0.14, 0.06, 0.08, 0.08)
_FURTHER_PAGES = 0.25
_CATEGORY = 0.35
_SEARCH = 0.22
_LOG_IN = 0.12


def in_visit(
    event_type: str,
    visits: Sessions,
    session: IntArray,
    at: FloatArray,
    properties: pa.Array | None = None,
) -> Happened:
    """Events ``at`` a share of their visits, with the visits' customer, channel and device."""
    channel = visits.channel[session]
    return happened(
        event_type,
        visits.start[session] + micros(at * visits.length[session]),
        visits.customer[session],
        properties,
        source=np.where(channel == APP, MOBILE_APP, SITE),
        channel=channel,
        device=visits.device[session],
        session=session,
        visitor=visits.visitor[session],
    )


def browsing(world: World, visits: Sessions, about: Interest) -> list[Happened]:
    """Everything in the visits of one block up to the cart."""
    rng = world.rng("browsing")
    return [
        *_around(rng, world, visits),
        _products(world, "product_viewed", visits, about.viewed, with_quantity=False),
        _products(world, "product_added", visits, about.added, with_quantity=True),
        _products(world, "product_removed", visits, about.removed, with_quantity=True),
    ]


def _around(rng: np.random.Generator, world: World, visits: Sessions) -> list[Happened]:
    n = len(visits)
    first, further = np.arange(n), owners(rng.poisson(_FURTHER_PAGES, n).astype(np.int64))
    session = np.concatenate([first, further])
    at = np.concatenate([np.zeros(n), rng.uniform(0.02, 0.7, len(further))])
    page = objects(len(session), page=coded(pick(rng, _PAGE_WEIGHTS, len(session)), PAGES))
    listed = np.flatnonzero(chance(rng, _CATEGORY, n))
    searched = np.flatnonzero(chance(rng, _SEARCH, n))
    logs_in = np.flatnonzero(chance(rng, _LOG_IN, n) & (visits.customer != NONE))
    category = coded(_category(rng, world, visits, listed), CATEGORIES)
    query = objects(
        len(searched),
        query=coded(_category(rng, world, visits, searched), CATEGORIES),
        results=whole(rng.integers(0, 60, len(searched))),
    )
    return [
        in_visit("page_viewed", visits, session, at, page),
        in_visit(
            "category_viewed",
            visits,
            listed,
            rng.uniform(0.01, 0.5, len(listed)),
            objects(len(listed), category=category),
        ),
        in_visit("searched", visits, searched, rng.uniform(0.01, 0.5, len(searched)), query),
        in_visit("logged_in", visits, logs_in, np.full(len(logs_in), 0.005)),
    ]


def _category(
    rng: np.random.Generator, world: World, visits: Sessions, session: IntArray
) -> IntArray:
    customer = visits.customer[session]
    product = world.tastes.pick(rng, world.products, np.maximum(customer, 0))
    anything = rng.integers(0, len(CATEGORIES), len(session))
    return np.where(customer < 0, anything, world.products.category[product])


def _products(
    world: World, event_type: str, visits: Sessions, items: Items, *, with_quantity: bool
) -> Happened:
    products = world.products
    quantities, code = np.unique(items.quantity, return_inverse=True)
    if not with_quantity:
        quantities, code = np.ones(1, dtype=np.int64), np.zeros(len(items.at), dtype=np.int64)
    # few distinct texts, many rows: write each once and look it up
    product = np.tile(np.arange(len(products.pence)), len(quantities))
    bought = np.repeat(quantities, len(products.pence))
    quantity = {"quantity": whole(bought)} if with_quantity else {}
    texts = objects(
        len(product),
        product_id=taken(quoted(pa.array(products.product_ids)), product),
        category=coded(products.category[product], CATEGORIES),
        price=money(products.pence[product]),
        currency=CURRENCY,
        **quantity,
    )
    rows = code * len(products.pence) + items.product
    return in_visit(event_type, visits, items.session, items.at, taken(texts, rows))
