import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.errors import InvalidInput, NotEnoughData
from retain.manifest import Measured
from tests.tiny_shop import END, EngineSource, shop
from training import cutoffs, dataset, tuning
from training.configuration import Budget, Training
from training.head import FittedHead, Judgement
from training.searches import Searches

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
HORIZON_DAYS = 30


@pytest.fixture(scope="module")
def data():
    source = EngineSource(shop(customers=120, campaigns=False), END)
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    return dataset.build(source, plan, END, HORIZON_DAYS, 7)


def head(score: float, name: str = "ltv") -> FittedHead:
    measured = Measured(value=score, low=score, high=score)
    lines = (Judgement("mae", measured), Judgement("gini", measured, decisive=True))
    return FittedHead(name, "a label", "everybody", (), 1, {}, {"rounds": 1}, judgements=lines)


def fewer_leaves_are_better(seen):
    def train(fold):
        seen.append(fold)
        return head(-float(fold.trees.get("num_leaves", 6)))

    return train


def search(data, seen=None, trials=8, minutes=10.0, seed=7):
    train = fewer_leaves_are_better([] if seen is None else seen)
    return tuning.search(train, data, Budget(trials=trials, minutes=minutes), seed, lambda: None)


def test_a_search_finds_what_the_head_itself_does_better_with(data):
    found = search(data, trials=20)
    assert found.trees["num_leaves"] < 6
    trials = found.record["trials"]
    assert len(trials) == 20
    assert trials[0]["parameters"] == {}
    best = trials[found.record["best"]]
    assert best["parameters"] == found.trees
    assert best["mean"] == max(trial["mean"] for trial in trials)


def test_the_same_seed_searches_the_same_way(data):
    assert search(data).record == search(data).record
    assert search(data).record != search(data, seed=8).record


def test_what_is_best_by_itself_is_left_as_it_is(data):
    found = tuning.search(lambda _: head(0.5), data, Budget(trials=3), 7, lambda: None)
    assert found.trees == {}
    assert "nothing better than 0.5000 was found" in tuning.describe(found.record)


def test_parameters_stay_in_the_space_the_record_names(data):
    record = search(data).record
    assert set(record["space"]) == set(tuning.SPACE)
    for trial in record["trials"][1:]:
        for name, value in trial["parameters"].items():
            low, high = record["space"][name]
            assert low <= value <= high


def test_the_minutes_end_a_search_after_its_first_trial(data):
    found = search(data, minutes=1e-9)
    assert found.record["ended_by"] == "minutes"
    assert len(found.record["trials"]) == 1
    assert found.trees == {}


def test_no_trial_sees_the_holdout_or_what_its_labels_are_made_of(data):
    seen = []
    search(data, seen, trials=2)
    holdout = data.plan.holdout[0]
    assert len(seen) == 2 * len(data.plan.refit[-tuning.MOST_FOLDS :])
    for fold in seen:
        assert max(fold.plan.every) + HORIZON_DAYS * DAY <= holdout
        assert set(np.unique(fold.cutoffs)) == {dataset.to_micros(at) for at in fold.plan.every}


def test_progress_is_told_after_every_trial(data):
    told = []
    train = fewer_leaves_are_better([])
    tuning.search(train, data, Budget(trials=4), 7, lambda: told.append(1))
    assert len(told) == 4


@given(st.integers(60, 900), st.sampled_from([7, 14, 30, 90]))
def test_a_fold_is_fitted_on_the_past_and_judged_on_one_cutoff(days, horizon_days):
    as_of = START + days * DAY
    try:
        plan = cutoffs.plan(START, as_of, horizon_days)
        folds = tuning.folds_of(plan, horizon_days)
    except NotEnoughData:
        return
    for fold in folds:
        assert len(fold.holdout) == 1
        assert fold.holdout[0] in plan.refit
        assert max(fold.refit) < fold.holdout[0] < plan.holdout[0]
        assert set(fold.fit) | set(fold.validation) <= set(fold.refit)
        assert max(fold.fit) < min(fold.validation)


def test_where_the_history_allows_it_no_label_reaches_into_a_fold():
    plan = cutoffs.plan(START, START + 900 * DAY, 30)
    for fold in tuning.folds_of(plan, 30):
        assert max(fold.refit) + 30 * DAY <= fold.holdout[0]
        assert max(fold.fit) + 30 * DAY <= min(fold.validation)


def test_too_few_cutoffs_are_said_with_what_to_do():
    plan = cutoffs.plan(START, START + 100 * DAY, 20)
    with pytest.raises(NotEnoughData, match="three cutoffs before the holdout") as refused:
        tuning.folds_of(replace(plan, refit=plan.refit[:2]), 20)
    assert "without --tune" in refused.value.remedy


def test_without_optuna_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InvalidInput, match="not installed") as refused:
        tuning.library()
    assert "retain[tuning]" in refused.value.remedy
    assert refused.value.field == "--tune"


def test_of_many_rows_a_search_reads_some_customers_with_all_their_rows(data, monkeypatch):
    monkeypatch.setattr(tuning, "MOST_ROWS", 150)
    seen = []
    search(data, seen, trials=1)
    for fold in seen:
        assert len(fold.cutoffs) < 300
        whole = data.where(data.at(fold.plan.every))
        some = np.isin(whole.customers, np.unique(fold.customers))
        assert some.sum() == len(fold.cutoffs)


def test_one_search_is_for_churn_and_the_next_purchase_of_the_same_curve(data, monkeypatch):
    from training import searches

    seen: list[dataset.Dataset] = []
    train = fewer_leaves_are_better(seen)
    monkeypatch.setattr(searches, "_TRAIN", dict.fromkeys(searches._TRAIN, train))
    given = {"churn": data, "next_purchase": data, "ltv": data}
    declared = Training.model_validate(
        {
            "tuning": {"trials": 4},
            "minimum": {h: {"customers": 20, "orders": 0, "of_each": 20} for h in given},
        }
    )
    steps = []
    found = Searches.of(given, tuple(given), declared, 7, lambda *step: steps.append(step))
    assert len(seen) == 2 * 4 * tuning.MOST_FOLDS
    assert steps[-1] == ("tuning", 8, 8)
    applied = found.applied(given)
    assert applied["churn"] is applied["next_purchase"]
    assert applied["ltv"].trees == found.found["ltv"].trees
    noted = found.noted(head(0.5))
    assert noted.parameters["tuning"] == found.found["ltv"].record
    assert noted.parameters["rounds"] == 1
    assert "Tuned in 4 trials" in noted.notes[-1]
