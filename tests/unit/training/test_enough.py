import numpy as np
import pytest

from retain.errors import NotEnoughData
from tests.tiny_shop import END, EngineSource, shop
from training import cutoffs, dataset, enough
from training.configuration import Churn, Minimum

HORIZON_DAYS = 30


@pytest.fixture(scope="module")
def data():
    source = EngineSource(shop(customers=60, campaigns=False), END)
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    return dataset.build(source, plan, END, HORIZON_DAYS, 7)


def test_what_is_enough_is_handed_on(data):
    assert enough.examined("churn", data, Minimum(customers=20, of_each=20)) is data


def test_everything_that_is_missing_is_named_with_how_much_there_is(data):
    customers = len(np.unique(data.customers))
    with pytest.raises(NotEnoughData) as refused:
        enough.examined("ltv", data, Minimum(customers=500, history_days=900, orders=10**6))
    said = refused.value.message
    assert f"500 customers (there are {customers})" in said
    assert "900 days of history (there are 41" in said
    assert f"1,000,000 orders (there are {data.orders:,})" in said
    assert "training.yaml" in refused.value.remedy


def test_rare_outcomes_are_refused_with_the_horizon_that_has_more_of_them(data):
    many = Minimum(customers=20, of_each=10_000)
    with pytest.raises(NotEnoughData, match="10,000 customers who left"):
        enough.examined("churn", data, many)
    stayed = data.where(data.churned == 0)
    few = Minimum(customers=20, orders=0, of_each=20)
    with pytest.raises(NotEnoughData) as refused:
        enough.examined("churn", stayed, few)
    assert refused.value.message == "churn learns from at least 20 customers who left (there are 0)"
    assert "shorter --horizon-days than 30" in refused.value.remedy
    with pytest.raises(NotEnoughData) as refused:
        enough.examined("next_purchase", data.where(np.isnan(data.days_to_order)), few)
    assert "longer --horizon-days" in refused.value.remedy


def test_of_subscriptions_more_run_out_in_a_longer_time(data):
    from dataclasses import replace

    by_term = replace(data.where(data.churned == 0), churn=Churn(label="subscription_not_renewed"))
    with pytest.raises(NotEnoughData) as refused:
        enough.examined("churn", by_term, Minimum(customers=20, orders=0, of_each=20))
    assert "longer --horizon-days" in refused.value.remedy


def test_no_declaration_lets_a_head_learn_from_a_handful():
    with pytest.raises(NotEnoughData, match="at least 20 leavers"):
        enough.demand("churn", np.array([1.0] * 19 + [0.0] * 100), "leavers", "stayers")


def test_orders_without_amounts_are_asked_for_their_amounts(data):
    from dataclasses import replace

    free = replace(data, net_revenue=np.zeros_like(data.net_revenue))
    with pytest.raises(NotEnoughData, match="customers with revenue") as refused:
        enough.examined("ltv", free, Minimum(customers=20, orders=0, of_each=20))
    assert "none of them has an amount" in refused.value.remedy


@pytest.mark.parametrize("label", ["no_order", "no_activity", "subscription_not_renewed"])
def test_a_shop_where_nobody_orders_is_told_that_orders_are_missing(label):
    import pyarrow as pa

    told = shop(customers=20, campaigns=False)
    words = {"order_completed": "subscription_started", "order_refunded": "logged_in"}
    types = [words[kind] for kind in told.column("type").to_pylist()]
    silent = told.set_column(told.schema.get_field_index("type"), "type", pa.array(types))
    source = EngineSource(silent, END)
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    with pytest.raises(NotEnoughData, match="nobody ordered") as refused:
        dataset.populations(source, plan, END, HORIZON_DAYS, 7, churn=Churn(label=label))
    assert "order_completed" in refused.value.remedy
