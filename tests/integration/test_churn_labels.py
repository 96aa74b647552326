"""One small shop, three meanings of leaving: trained, loaded and asked as the service asks."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retain import segments, settings, standing
from retain.errors import NotEnoughData
from retain.features.ageing import aged
from retain.features.sheet import Sheet
from retain.scoring import ALREADY_CHURNED, INSUFFICIENT_DATA, OK, Scorer
from retain.segments import Segmenter
from tests.tiny_shop import END, EngineSource, beside, shop
from training import cutoffs, dataset, fitting
from training.configuration import Training

HORIZON_DAYS = 30
FEW = {"customers": 20, "orders": 20, "of_each": 20}
CUSTOMERS = 400


@pytest.fixture(scope="module")
def source() -> EngineSource:
    orders = shop(customers=CUSTOMERS, campaigns=False)
    return EngineSource(pa.concat_tables([orders, beside(customers=CUSTOMERS)]), END)


def declared(label: str, **churn) -> Training:
    heads = ("churn", "next_purchase", "ltv")
    return Training.model_validate(
        {"churn": {"label": label, **churn}, "minimum": dict.fromkeys(heads, FEW)}
    )


@pytest.fixture(scope="module", params=["no_activity", "subscription_not_renewed"])
def run(request, source) -> fitting.FittedRun:
    return fitting.fit_heads(
        source, END, HORIZON_DAYS, heads=("churn", "rfm"), declared=declared(request.param)
    )


def test_the_label_stands_in_the_manifest_in_words_and_by_name(run):
    [churn, _] = run.heads
    label = run.leavers.churn.label
    described = run.describe(churn)
    assert described.parameters["churn_label"] == label
    assert described.label.startswith(standing.wording(label).label)
    assert "30 days after the moment of scoring" in described.label
    assert described.horizon_days == HORIZON_DAYS
    assert f"{standing.wording(label).rule}.auc" in described.baselines


def test_everybody_learned_from_could_still_leave_and_some_of_them_did(run):
    label, data = run.leavers.churn.label, run.leavers
    assert standing.is_known(label, data.columns).all()
    assert 0 < data.churned.mean() < 1
    if label == "subscription_not_renewed":
        assert (np.asarray(data.columns["subscription_active"], float) > 0).all()


def test_answers_are_of_whom_the_label_is_about(source, run):
    champions, label = run.champions(), run.leavers.churn.label
    config = segments.load(settings.load({}).config / "segments.yaml")
    table = source.training_table([END])
    scores = Scorer(champions, Segmenter(config, champions.rfm)).score(Sheet.of(table))
    columns = aged(table)
    known = standing.is_known(label, columns)
    left = standing.has_left(label, columns, champions.churn.hiatus_days)
    status = np.array(scores.churn_status)
    consenting = status != "no_consent"
    assert set(status[consenting & ~known]) <= {INSUFFICIENT_DATA}
    assert (~known).any() == (label == "subscription_not_renewed")
    assert set(status[consenting & known & left]) == {ALREADY_CHURNED}
    assert set(status[consenting & known & ~left]) == {OK}
    assert np.isfinite(scores.churn_probability[consenting & known]).all()
    assert np.isnan(scores.churn_probability[~known]).all()
    bought = np.asarray(columns["orders_lifetime"], dtype=float) > 0
    others = np.array(scores.status)[consenting & bought & ~known]
    assert set(others) <= {"ok", "no_model"}


def test_a_declared_hiatus_is_served_and_the_learned_one_is_noted(source):
    run = fitting.fit_heads(
        source, END, HORIZON_DAYS, heads=("churn",), declared=declared("no_order", hiatus_days=200)
    )
    [churn] = run.heads
    assert churn.parameters["hiatus_days"] == 200
    assert churn.parameters["learned_hiatus_days"] != 200
    assert "200 days, as declared" in " ".join(churn.notes)


def test_labels_are_what_the_events_after_each_cutoff_say(source):
    """Counted again from the events themselves, one customer at a time."""
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    plan = replace(plan, every=plan.every[-2:])
    churn = declared("no_activity").churn
    data = dataset.populations(source, plan, END, HORIZON_DAYS, 7, churn=churn).leavers
    own = source.events().filter(
        pc.invert(pc.or_(pc.starts_with(source.events()["type"], "message_"),
                         pc.is_in(source.events()["type"], pa.array(NOT_THEIRS))))
    )  # fmt: skip
    seen: dict[str, list[int]] = {}
    for one, ts in zip(
        own["customer_id"].to_pylist(), own["ts"].cast(pa.int64()).to_pylist(), strict=True
    ):
        seen.setdefault(one, []).append(ts)
    horizon = int(timedelta(days=HORIZON_DAYS) / timedelta(microseconds=1))
    rows = np.random.default_rng(1).choice(len(data.churned), 300, replace=False)
    for row in rows:
        after, cutoff = seen[data.customers[row]], int(data.cutoffs[row])
        came = any(cutoff < ts <= cutoff + horizon for ts in after)
        assert data.churned[row] == (not came)


NOT_THEIRS = ["experiment_viewed", "order_refunded", "identity_linked", "identity_unlinked",
              "profile_updated", "tier_changed", "points_changed"]  # fmt: skip


def test_a_shop_without_subscriptions_has_none_to_lose():
    orders_only = EngineSource(shop(customers=200, campaigns=False), END)
    with pytest.raises(
        NotEnoughData, match=r"churn learns from at least 20 customers \(there are 0"
    ):
        fitting.fit_heads(
            orders_only,
            END,
            30,
            heads=("churn",),
            declared=declared("subscription_not_renewed"),
        )


def test_one_pass_over_several_cutoffs_is_as_many_passes_over_one(source):
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    together = dataset.build(source, plan, END, HORIZON_DAYS, 7)
    for at in plan.every[:: len(plan.every) // 3]:
        alone = dataset.build(source, replace(plan, every=(at,)), END, HORIZON_DAYS, 7)
        part = together.where(together.at([at]))
        assert part.customers.tolist() == alone.customers.tolist()
        for name in ("churned", "days_to_order", "net_revenue"):
            np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))
        for name, column in part.columns.items():
            np.testing.assert_array_equal(column, alone.columns[name], err_msg=name)


def test_of_too_many_rows_the_same_customers_are_drawn_at_every_cutoff(source):
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    whole = dataset.build(source, plan, END, HORIZON_DAYS, 7)
    some = dataset.populations(
        source, plan, END, HORIZON_DAYS, 7, most_rows=len(whole.cutoffs) // 3
    ).buyers
    assert 0 < some.drawn < 0.5
    assert 0.2 < len(some.cutoffs) / len(whole.cutoffs) < 0.45
    kept = whole.where(np.isin(whole.customers, np.unique(some.customers)))
    assert kept.customers.tolist() == some.customers.tolist()
    assert len(some.current["orders_30d"]) < len(whole.current["orders_30d"])
