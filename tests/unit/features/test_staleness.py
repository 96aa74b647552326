"""Which heads go without an answer where a feature view is too old."""

import pytest

from retain.features.staleness import too_old

IDS = ["a", "b"]


def test_nobody_is_too_old_where_nothing_is_stale() -> None:
    assert too_old(IDS, {}, ["orders_90d"]).tolist() == [False, False]


@pytest.mark.parametrize(
    ("view", "name"), [("cart", "cart_additions_30d"), ("sessions", "sessions_30d")]
)
def test_a_stale_view_matters_to_a_model_that_reads_it(view: str, name: str) -> None:
    assert too_old(IDS, {"b": [view]}, [name]).tolist() == [False, True]


def test_a_stale_view_does_not_matter_to_a_model_that_reads_others() -> None:
    assert too_old(IDS, {"a": ["cart"]}, ["sessions_30d"]).tolist() == [False, False]


def test_a_ratio_is_as_old_as_its_parts() -> None:
    assert too_old(IDS, {"a": ["service"]}, ["review_rate"]).tolist() == [True, False]


@pytest.mark.parametrize("view", ["profile", "orders"])
def test_without_consent_or_orders_known_no_model_answers(view: str) -> None:
    assert too_old(IDS, {"a": [view]}, ["sessions_30d"]).tolist() == [True, False]
