from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.errors import CorruptModel
from retain.event import to_table
from retain.features.engine import FEATURE_SCHEMA, FeatureEngine
from retain.quality.profile import Profile, profile_of, profile_of_columns
from tests.event_tables import AS_OF, event

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 3)), max_size=200)


def number(values, like=None):
    column = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    profile = profile_of_columns({"orders_30d": column}, like)
    return profile, profile.numbers["orders_30d"]


def text(values, like=None):
    column = np.array([*values, None], dtype=object)[:-1]
    profile = profile_of_columns({"country": column}, like)
    return profile, profile.texts["country"]


def test_a_number_is_described_by_its_deciles_mean_and_missing():
    profile, part = number([*range(101), None])
    assert part.deciles == pytest.approx(range(0, 101, 10))
    assert (part.mean, part.missing, part.rows) == (50.0, 1, 102)
    assert profile.null_rate("orders_30d") == pytest.approx(1 / 102)


def test_what_is_not_finite_is_missing():
    assert number([1.0, np.inf])[1].missing == 1


def test_a_feature_without_any_value_has_no_deciles():
    part = number([None, None])[1]
    assert (part.deciles, part.mean, part.counts) == ((), None, (0,))


def test_a_value_that_most_have_is_a_bin_of_its_own():
    part = number([0] * 50 + list(range(1, 51)))[1]
    assert part.edges[:2] == (0.0, 0.0)
    assert part.counts[:2] == (0, 50)


def test_a_constant_is_told_from_what_is_below_and_above_it():
    training, part = number([3] * 10)
    assert part.counts == (0, 10, 0)
    assert number([2, 3, 3, 4], training)[1].counts == (1, 2, 1)


def test_values_outside_of_what_training_saw_have_bins_of_their_own():
    training, _ = number(range(100))
    counts = number([-5, *range(100), 500, 501], training)[1].counts
    assert (counts[0], counts[-1]) == (1, 2)


@given(values=NUMBERS, later=NUMBERS)
def test_every_row_is_in_one_bin_or_missing(values, later):
    training, part = number(values)
    now = number(later, training)[1]
    assert sum(part.counts) + part.missing == len(values)
    assert sum(now.counts) + now.missing == len(later)
    assert now.edges == part.edges
    assert len(now.counts) == len(part.counts)


def test_a_text_is_described_by_its_categories():
    part = text(["GB", "GB", "IE", None])[1]
    assert (part.categories, part.missing, part.others) == ({"GB": 2, "IE": 1}, 1, 0)


def test_a_category_that_training_never_saw_is_among_the_others():
    training, _ = text(["GB", "IE"])
    part = text(["GB", "FR", "FR"], training)[1]
    assert (part.categories, part.others) == ({"GB": 1, "IE": 0}, 2)


def test_a_list_is_described_by_its_length():
    column = np.array([[], ["p1", "p2"], None], dtype=object)[:2]
    assert profile_of_columns({"open_cart": column}).numbers["open_cart"].deciles[-1] == 2.0


def test_a_profile_lies_beside_its_model(tmp_path):
    training, _ = number([1, 2, None])
    training.write(tmp_path)
    assert Profile.read(tmp_path) == training


def test_a_profile_that_cannot_be_read_is_a_corrupt_model(tmp_path):
    (tmp_path / "profile.json").write_text("{}", "utf-8")
    with pytest.raises(CorruptModel):
        Profile.read(tmp_path)


def test_an_empty_feature_table_has_a_profile():
    table: pa.Table = FEATURE_SCHEMA.empty_table()
    assert profile_of(table).rows == 0


def test_a_profile_like_another_is_of_the_same_population():
    bought = {"order_id": "o1", "total": 5.0}
    orders = [
        event(n, "order_completed", AS_OF - timedelta(days=n), f"c{n}", bought) for n in range(60)
    ]
    with FeatureEngine(to_table(orders)) as engine:
        table = engine.table(engine.customers(AS_OF))
    training = profile_of(table, ordered_within_days=30)
    assert training.rows == 30
    assert profile_of(table, training).rows == 30
    assert profile_of(table).rows == 60
