"""A leak that is planted is found, in the catalogue's SQL and in a column alike."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retain.errors import Leakage
from retain.features import queries
from retain.manifest import Measured
from tests.tiny_shop import END, EngineSource, shop
from training import cutoffs, dataset, holdout, leaks, overlaps, single_features
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


def examined(run, events, trusted=()):
    return leaks.examine(run, events, holdout.peers(run), trusted)


@pytest.fixture(scope="module")
def sound(events):
    return a_run(events)


def test_a_sound_training_passes_every_check(sound, events):
    checks = examined(sound, events)
    assert {one.name: one.passed for one in checks} == {
        "single_feature": True,
        "far_above_the_blend": True,
        "truncated_log": True,
        "late_events": True,
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


def test_one_view_whose_windows_end_a_few_days_late_ends_the_run(events, monkeypatch):
    seen = "f.ts <= k.as_of"
    assert seen in queries.QUERIES["activity"], "the SQL reads otherwise now"
    late = queries.QUERIES["activity"].replace(seen, f"{seen} + INTERVAL 3 DAY")
    monkeypatch.setattr("retain.features.engine.QUERIES", {**queries.QUERIES, "activity": late})
    with pytest.raises(Leakage, match="log up to") as raised:
        examined(a_run(events), events)
    assert "orders_90d" not in raised.value.message


def with_tiers(events, wrong=0.05):
    """The log with a tier for everyone, said at the start, that knows who is still there at last.

    This is what a CRM exports that keeps only the status of today.
    """
    rng = np.random.default_rng(4)
    late = pc.greater(events.column("ts"), pa.scalar(END - timedelta(days=HORIZON_DAYS)))
    stays = set(events.filter(late).column("customer_id").to_pylist())
    firsts = events.group_by("customer_id").aggregate([("ts", "min")]).to_pylist()
    rows = [
        {
            "event_id": f"tier-{one['customer_id']}",
            "type": "profile_updated",
            "customer_id": one["customer_id"],
            "ts": one["ts_min"],
            "received_at": one["ts_min"],
            "properties": json.dumps(
                {"tier": "plus" if stay ^ (rng.random() < wrong) else "basic"}
            ),
        }
        for one in firsts
        for stay in [one["customer_id"] in stays]
    ]
    return pa.concat_tables([events, pa.Table.from_pylist(rows, events.schema)]).sort_by("ts")


@pytest.fixture(scope="module")
def status_of_today(events):
    known = with_tiers(events)
    return a_run(known), known


def test_an_attribute_that_knew_from_the_start_who_would_leave_ends_the_run(status_of_today):
    with pytest.raises(Leakage, match=r"tier \(AUC 0\.9") as raised:
        examined(*status_of_today)
    assert "`leakage: trusted` in training.yaml" in raised.value.message


def test_a_feature_that_is_trusted_is_named_and_does_not_end_the_run(status_of_today):
    checks = {one.name: one for one in examined(*status_of_today, trusted=["tier"])}
    assert checks["single_feature"].passed is None
    assert "tier (AUC" in checks["single_feature"].sentence


def test_words_that_are_each_customers_own_tell_nothing(sound):
    own = np.array([f"id {one}" for one in sound.data.customers], dtype=object)
    columns = {"region": own, "country": np.full(len(own), None, dtype=object)}
    found = single_features.aucs(replace(sound.data, columns=columns))
    assert found.keys() == {"region"}
    assert found["region"].auc == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("leavers", [3, 6, 10])
def test_words_that_a_handful_of_leavers_share_are_no_leak(sound, leavers):
    """Two countries and few leavers: that all of them live in one happens by chance."""
    latest = sound.data.where(sound.data.at(sound.data.plan.holdout[-1:]))
    rows = np.arange(len(latest.customers))
    churned = (rows < leavers).astype(np.float64)
    country = np.where((rows < leavers) | (rows % 3 == 0), "DE", "FR").astype(object)
    data = replace(latest, churned=churned, columns={"country": country})
    told = single_features.aucs(data)["country"]
    assert told.auc > leaks.HIGH_ATTRIBUTE_AUC
    assert told.surely < leaks.HIGH_ATTRIBUTE_AUC


def received(events, late_days, share):
    """The log with some events that became known only later."""
    moved = np.random.default_rng(2).random(events.num_rows) < share
    ts = events.column("ts").cast(pa.int64()).to_numpy()
    micros = ts + np.where(moved, round(late_days * 86_400e6), 0)
    place = events.schema.get_field_index("received_at")
    field = events.schema.field(place)
    return events.set_column(place, field, pa.array(micros, pa.int64()).cast(field.type))


@pytest.mark.parametrize(
    ("late", "passed", "words"),
    [
        ((60, 0.2), None, "features have what nobody knew then"),
        ((600, 1.0), None, "when its events became known is not recorded"),
        ((0.5, 0.2), True, "received more than a day after it"),
    ],
    ids=["backdated events", "an import", "a batch of the same day"],
)
def test_events_that_became_known_after_the_cutoff_are_pointed_at(
    sound, events, late, passed, words
):
    checks = {one.name: one for one in examined(sound, received(events, *late))}
    assert checks["late_events"].passed is passed
    assert words in checks["late_events"].sentence


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
