"""One customer is suggested in plain numbers what many are by arrays: the same, to the last bit."""

from types import SimpleNamespace

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.features.ageing import NUMBERS
from retain.features.sheet import PLACES
from retain.items import candidates, histories
from retain.items.candidates import COARSE, FEATURES, KEPT
from retain.items.categories import FEATURES as OF_CATEGORIES
from retain.items.relations import RELATIONS
from retain.items.suggestions import SOURCES, Suggestions
from retain.items.tables import ItemTables
from retain.native import compiled
from retain.one.compiled_items import CompiledItems
from retain.one.features import One
from retain.one.items import Items
from retain.one.suggesting import Suggesting, SuggestionsOfOne
from retain.predictors import NextItemsPredictor
from retain.stock import StockState
from tests.tiny_items import AS_OF, columns

PRODUCTS, NEAR = 90, 4
NAMES = [f"p{place}" for place in range(PRODUCTS)]
NAN = float("nan")


def shop(categories: tuple[str, ...]) -> ItemTables:
    """Ninety products, many of them equal in everything that is known of them."""
    rng = np.random.default_rng(4)
    near = rng.permuted(np.tile(np.arange(PRODUCTS), (PRODUCTS, 1)), axis=1)[:, :NEAR]
    near[rng.random(near.shape) < 0.3] = PRODUCTS
    weight = np.where(near < PRODUCTS, rng.choice([0.1, 0.25, 0.7], near.shape), 0.0)
    price = rng.choice([5.0, 6.0, 12.0, np.nan], PRODUCTS)
    return ItemTables(
        product_ids=tuple(NAMES),
        recent=rng.choice([0.0, 0.01, 0.2], PRODUCTS),
        lasting=rng.choice([0.0, 0.05, 0.3], PRODUCTS),
        repeated=rng.choice([0.0, 0.5], PRODUCTS),
        category=rng.integers(0, len(categories) + 1, PRODUCTS),
        price=price,
        bought_with=near,
        bought_weight=weight,
        viewed_with=near[::-1].copy(),
        viewed_weight=weight[::-1].copy(),
        categories=categories,
        # two of them are equal in everything, too
        category_recent=np.array([0.0, 0.2, 0.2])[: len(categories)],
        category_lasting=np.array([0.6, 0.1, 0.1])[: len(categories)],
    )


def predictor(categories: tuple[str, ...]) -> NextItemsPredictor:
    rng = np.random.default_rng(5)
    seen = rng.choice([0.0, 0.1, 1.0, 3.0, 40.0, np.nan], (600, len(FEATURES)))
    wanted = np.nan_to_num(seen[:, FEATURES.index("bought_with")]) + rng.normal(size=600)
    # few leaves: many candidates have one score
    options = {"num_leaves": 4, "verbosity": -1, "num_threads": 1, "seed": 7}
    trees = lightgbm.train(options, lightgbm.Dataset(seen, wanted), 8)
    weights = rng.normal(size=len(OF_CATEGORIES)).tolist()
    written = {
        "tables": shop(categories).to_json(),
        "coarse": np.linspace(-0.4, 1.3, len(COARSE)).tolist(),
        "calibration": {"weights": [0.9, 0.3, 0.11], "intercept": -1.7},
        "categories": {"weights": weights, "intercept": 0.3} if categories else None,
    }
    return NextItemsPredictor(
        SimpleNamespace(
            manifest=None, json=lambda _: written, text=lambda _: trees.model_to_string()
        )
    )


MODELS = {"some": predictor(("mugs", "tea", "rugs")), "none": predictor(())}

products = st.sampled_from([*NAMES, "gone", "lost"])
days = st.sampled_from(["2024-02-29", "2024-02-11", "2023-12-01", "2023-03-01", "2024-03-04"])
counts = st.sampled_from([1, 1, 2, 3, 17])
numbers = st.sampled_from([NAN, 0.0, 0.4, 1.0, 7.0])


def counted(names, most):
    entry = st.builds("{} {} {}".format, counts, days, names)
    return st.lists(entry, max_size=most, unique_by=lambda each: each.split(" ", 2)[2])


anybody = st.fixed_dictionaries(
    {
        "bought_products": counted(products, 34),
        "bought_categories": counted(st.sampled_from(["mugs", "tea", "rugs", "old ones"]), 4),
        "last_viewed": st.lists(products, max_size=12),
        "open_cart": st.lists(products, max_size=12),
        "order_recency_days": numbers,
        "orders_lifetime": numbers,
        "items_per_order": numbers,
        "product_count_365d": numbers,
        "new_product_share": numbers,
    }
)
states = st.builds(
    StockState,
    st.frozensets(products, max_size=40),
    st.dictionaries(products, st.sampled_from([4.0, 7.0, 30.0]), max_size=10),
)


class Feed:
    """A product feed that is always in one state."""

    def __init__(self, state: StockState) -> None:
        self.state = state

    def at(self, _):
        return self.state


class Stored:
    """The lists of a row as they are stored: items, each ended by 0xFF."""

    def __init__(self, row) -> None:
        self._row = row

    def raw(self, name):
        items = self._row[name]
        return b"".join(one.encode() + b"\xff" for one in items) if items else None

    def texts(self, name):
        return list(self._row[name])


def one(row) -> One:
    vector = np.full(len(NUMBERS), np.nan)
    for name in PLACES.keys() & row.keys():
        vector[PLACES[name]] = row[name]
    return One(vector, Stored(row))


def ways(model):
    """Everything that suggests to one customer here: the Python, and the C where it is there."""
    plain, module = Items(model), compiled("items")
    return [plain] if module is None else [plain, CompiledItems(module, plain)]


WAYS = {name: ways(model) for name, model in MODELS.items()}


def suggestions(items, row, feed):
    scores = SimpleNamespace(features=one(row), moment=int(AS_OF.astype(np.int64)), consent=True)
    return SuggestionsOfOne(items, feed, scores)


@pytest.mark.parametrize("categories", ["some", "none"])
@settings(max_examples=120, deadline=None)
@given(rows=st.lists(anybody, min_size=2, max_size=4), state=states)
def test_a_customer_alone_is_suggested_the_same_as_among_others(categories, rows, state):
    model, feed = MODELS[categories], Feed(state)
    as_of, allowed = np.full(len(rows), AS_OF), np.ones(len(rows), dtype=np.bool_)
    together = Suggestions(model, columns(*rows), as_of, allowed, feed)
    together.prepare(range(len(rows)))
    for place, row in enumerate(rows):
        for items in WAYS[categories]:
            alone = suggestions(items, row, feed)
            assert alone.products(0) == together.products(place)
            assert alone.categories(0) == together.categories(place)
            assert alone.in_stock(NAMES) == together.in_stock(NAMES)
            for source in SOURCES:
                for limit in (1, 5, KEPT):
                    assert alone.items(source, 0, limit) == together.items(source, place, limit)


@settings(max_examples=150, deadline=None)
@given(row=anybody)
def test_the_trees_see_the_same_of_a_customer_alone_as_among_others(row):
    model, seen = MODELS["some"], []

    class Watched:
        """The trees, and what they are asked."""

        def raw(self, matrix):
            seen.append(matrix)
            return model.trees.raw(matrix)

    known = histories.read(columns(row), np.array([AS_OF]), model.tables)
    found = candidates.find(known, model.tables, model.coarse)
    together = candidates.matrix(found, known, model.tables)
    watched = SimpleNamespace(**{**vars(model), "trees": Watched(), "offered": model.offered})
    for items in ways(watched):
        suggestions(items, row, None).products(0)
    for alone in seen:
        np.testing.assert_array_equal(alone, together, strict=True)
    assert len(seen) == len(WAYS["some"])


USUAL = dict.fromkeys(
    ("order_recency_days", "orders_lifetime", "items_per_order", "product_count_365d"), 3.0
) | {"new_product_share": 0.5, "last_viewed": [], "open_cart": []}


@pytest.mark.parametrize(
    "entry",
    [
        "1_0 2024-02-11 p3",
        "2.5 2024-02-11 p3",
        "20240211 20240211 p3",
        "1 2024-W07-7 p3",
        "1000000000000000 2024-02-11 p3",
        "1 0001-01-01 p3",
        "1 2024-02-29 p 3",
    ],
)
def test_a_count_or_a_day_that_is_written_in_another_way_is_read_all_the_same(entry):
    row = USUAL | {"bought_products": ["1 2024-02-11 p1", entry], "bought_categories": []}
    plain, *others = (suggestions(items, row, None) for items in WAYS["some"])
    for each in others:
        assert each.products(0) == plain.products(0)
        assert each.items("replenishment", 0, 9) == plain.items("replenishment", 0, 9)
    row = USUAL | {"bought_products": [], "bought_categories": [entry.replace("p3", "tea")]}
    plain, *others = (suggestions(items, row, None) for items in WAYS["some"])
    for each in others:
        assert each.categories(0) == plain.categories(0)


@pytest.mark.parametrize(
    "entry", ["p3", "1 p3", "1 2023-02-29 p3", "1 2024-13-01 p3", "one 2024-02-11 p"]
)
def test_an_entry_that_is_none_is_an_error_whoever_reads_it(entry):
    row = USUAL | {"bought_products": [entry], "bought_categories": [entry]}
    for items in WAYS["some"]:
        with pytest.raises(ValueError, match=r"unpack|isoformat|range|must be|convert"):
            suggestions(items, row, None).products(0)
        with pytest.raises(ValueError, match=r"unpack|isoformat|range|must be|convert"):
            suggestions(items, row, None).categories(0)


def test_what_a_customer_had_to_do_with_is_forgotten_with_the_next():
    many = USUAL | {
        "bought_products": [f"{1 + place % 3} 2024-02-11 p{place}" for place in range(30)],
        "bought_categories": ["3 2024-02-11 tea"],
        "last_viewed": ["p80", "p81"],
    }
    few = USUAL | {"bought_products": ["1 2024-02-11 p3"], "bought_categories": []}
    for items in WAYS["some"]:
        before = suggestions(items, few, None)
        told = before.products(0), before.categories(0), before.items("complements", 0, KEPT)
        suggestions(items, many, None).products(0)
        after = suggestions(items, few, None)
        assert told == (after.products(0), after.categories(0), after.items("complements", 0, KEPT))


def test_the_customers_tried_here_meet_every_relation_and_more_candidates_than_are_kept():
    row = {
        "bought_products": [f"{1 + place % 3} 2024-02-11 p{place}" for place in range(30)],
        "last_viewed": ["p80", "p81"],
    }
    suggested = Suggestions(
        MODELS["some"], columns(row), np.array([AS_OF]), np.ones(1, dtype=np.bool_), None
    )
    found, _ = suggested._of(0)
    assert len(found.products) == KEPT
    met = {RELATIONS[one] for one in found.relations}
    few = Suggestions(
        MODELS["some"],
        columns({"bought_products": ["1 2024-02-11 p3"]}),
        np.array([AS_OF]),
        np.ones(1, dtype=np.bool_),
        None,
    )
    met |= {RELATIONS[one] for one in few._of(0)[0].relations}
    assert met == set(RELATIONS)


def test_who_withdrew_consent_is_suggested_nothing():
    scores = SimpleNamespace(features=None, moment=0, consent=False)
    suggested = Suggesting(MODELS["some"], None).suggestions(scores)
    assert suggested.products(0) == suggested.categories(0) == []
    assert suggested.items("next_products", 0, 5) == []
