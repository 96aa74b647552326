"""A leak that is planted is found, in the catalogue's SQL and in a column alike."""

from dataclasses import replace

import numpy as np
import pytest

from retain.errors import Leakage
from retain.features import queries
from retain.manifest import Measured
from tests.tiny_shop import END, EngineSource, shop
from training import cutoffs, dataset, holdout, leaks, overlaps
from training.exclusion import Exclusion
from training.fitting import FittedRun
from training.head import FittedHead, Judgement

HORIZON_DAYS = 30


@pytest.fixture(scope="module")
def events():
    return shop(customers=400, campaigns=False)


def a_run(events, auc=0.7, **planted) -> FittedRun:
    source = EngineSource(events, END)
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    data = dataset.build(source, plan, END, HORIZON_DAYS, 7)
    data = replace(data, columns={**data.columns, **{n: f(data) for n, f in planted.items()}})
    judged = Judgement("auc", Measured(value=auc, low=auc - 0.01, high=auc + 0.01))
    head = FittedHead("churn", "left", "all", (), len(data.cutoffs), {}, {}, (judged,))
    return FittedRun(END, (head,), {}, data, data, Exclusion())


def examined(run, events):
    return leaks.examine(run, events, holdout.peers(run))


@pytest.fixture(scope="module")
def sound(events):
    return a_run(events)


def test_a_sound_training_passes_every_check(sound, events):
    checks = examined(sound, events)
    assert {one.name: one.passed for one in checks} == {
        "single_feature": True,
        "far_above_the_blend": True,
        "truncated_log": True,
        "label_windows": True,
        "duplicates": True,
    }


def test_a_column_that_knows_the_label_ends_the_run(events):
    def knows(data):
        noise = np.random.default_rng(1).normal(0, 0.2, len(data.churned))
        return data.churned + noise

    with pytest.raises(Leakage, match="active_days_30d") as raised:
        examined(a_run(events, active_days_30d=knows), events)
    assert "Nothing was registered" in raised.value.remedy


def test_a_column_that_knows_a_little_of_the_future_is_found_by_the_truncated_log(events):
    def peeks(data):
        peeked = np.random.default_rng(1).random(len(data.churned)) < 0.1
        spend = np.asarray(data.columns["net_spend_90d"], dtype=np.float64)
        return np.where(peeked, spend + data.net_revenue, spend)

    with pytest.raises(Leakage, match="net_spend_90d") as raised:
        examined(a_run(events, net_spend_90d=peeks), events)
    assert "log up to" in raised.value.message


def test_sql_that_reads_beyond_the_moment_ends_the_run(events, monkeypatch):
    seen = "f.ts <= k.as_of"
    assert any(seen in query for query in queries.QUERIES.values()), "the SQL reads otherwise now"
    beyond = f"{seen} + INTERVAL 45 DAY"
    leaky = {view: query.replace(seen, beyond) for view, query in queries.QUERIES.items()}
    monkeypatch.setattr("retain.features.engine.QUERIES", leaky)
    with pytest.raises(Leakage, match="log up to"):
        examined(a_run(events), events)


def test_a_model_that_is_almost_perfect_and_far_above_the_blend_ends_the_run(events):
    with pytest.raises(Leakage, match="No history tells that much"):
        examined(a_run(events, auc=0.995), events)


def test_a_model_far_above_the_blend_is_looked_at_and_goes_on(events):
    checks = {one.name: one for one in examined(a_run(events, auc=0.97), events)}
    assert checks["far_above_the_blend"].passed is None
    assert "look" in checks["far_above_the_blend"].line


def test_a_label_that_reaches_beyond_the_moment_of_training_ends_the_run(sound, events):
    plan = sound.data.plan
    late = replace(plan, every=(*plan.every, END))
    data = replace(sound.data, plan=late)
    with pytest.raises(Leakage, match="reach beyond the moment of training"):
        examined(replace(sound, data=data, leavers=data), events)


def doubled(data, moved_to=None):
    last = data.where(data.at(data.plan.refit[-1:]))
    cutoffs_of = last.cutoffs if moved_to is None else np.full_like(last.cutoffs, moved_to)
    both = {n: np.concatenate([data.columns[n], last.columns[n]]) for n in data.columns}
    return replace(
        data,
        customers=np.concatenate([data.customers, last.customers]),
        cutoffs=np.concatenate([data.cutoffs, cutoffs_of]),
        columns=both,
        **{
            name: np.concatenate([getattr(data, name), getattr(last, name)])
            for name in ("churned", "days_to_order", "net_revenue")
        },
    )


def test_a_row_that_stands_twice_is_counted(sound):
    assert overlaps.duplicated(doubled(sound.data)).keys > 0


def test_a_fitted_row_that_comes_again_in_the_holdout_is_counted(sound):
    holdout_at = int(sound.data.cutoffs[sound.data.at(sound.data.plan.holdout)].max())
    assert overlaps.duplicated(doubled(sound.data, holdout_at)).rows > 0


def test_windows_overlap_where_a_fitted_label_reaches_the_holdout(sound):
    plan = sound.data.plan
    assert not overlaps.overlapping(plan.refit, plan.holdout, HORIZON_DAYS)
    assert overlaps.overlapping(plan.refit, plan.holdout, HORIZON_DAYS * 4)
